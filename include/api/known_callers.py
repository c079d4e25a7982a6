"""Accounts and keys as the guard sees them: read with each request."""

from __future__ import annotations

from include.accounts.keys import find_key
from include.accounts.tokens import check_access
from include.api.context import ApiContext
from include.api.gate.callers import Caller, CallerKind
from include.errors import CredentialsRefused
from include.secret import Secret


class KnownCallers:
    """The product's own callers; see :class:`include.api.gate.admission.Verifiers`.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def account(self, token: Secret) -> Caller | None:
        """Verify an access token; role and activity are those of the row as it is now."""
        context = self._context
        try:
            session = check_access(context.stores.state, context.accounts, context.signing_key, token)
        except CredentialsRefused:
            return None
        account = session.account
        name = f"account:{account.user_id}"
        return Caller(name, CallerKind.ACCOUNT, role=account.role, user_id=account.user_id, handle=session)

    def key(self, presented: Secret) -> Caller | None:
        """Look a key up."""
        key = find_key(self._context.stores.state, presented)
        if key is None:
            return None
        return Caller(f"key:{key.key_id}", CallerKind.KEY, project=key.project, scopes=frozenset(key.scopes))
