"""Accounts and keys as the guard sees them: read with each request."""

from __future__ import annotations

from include.api.context import ApiContext
from include.api.gate.callers import Caller
from include.secret import Secret


class KnownCallers:
    """The product's own callers; see :class:`include.api.gate.admission.Verifiers`.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def account(self, token: Secret) -> Caller | None:
        """Verify an access token and read its account."""
        return None

    def key(self, presented: Secret) -> Caller | None:
        """Look a key up."""
        return None
