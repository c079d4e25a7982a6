"""Who is asking, and may they: one verifier per credential, then the policy of the route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from include.api.gate.callers import Caller, CallerKind
from include.api.gate.credentials import Credential, CredentialKind, credential_of
from include.api.gate.policies import Operators, Policy
from include.api.gate.problems import Refusal, forbidden
from include.api.orchestrator import Orchestrator
from include.secret import Secret

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Verifiers(Protocol):
    """Knows the accounts and keys of the product; both methods block."""

    def account(self, token: Secret) -> Caller | None:
        """Tell whose access token this is.

        Args:
            token: an access token that says to be the product's.

        Returns:
            The account as it is now, or None for a token that does not hold.
        """
        ...

    def key(self, presented: Secret) -> Caller | None:
        """Tell which key this is.

        Args:
            presented: the key as sent.

        Returns:
            The key, or None when it is unknown, expired or revoked.
        """
        ...


class Admission:
    """The part of the guard that knows people.

    Args:
        orchestrator: knows the users of Airflow.
        verifiers: know accounts and keys.
        public_url: address people use; empty when not configured.
    """

    def __init__(self, orchestrator: Orchestrator, verifiers: Verifiers, public_url: str) -> None:
        self._orchestrator, self._verifiers = orchestrator, verifiers
        self._public_origin = urlsplit(public_url).netloc

    async def identify(self, method: str, headers: Mapping[str, str]) -> Caller:
        """Find out who is asking.

        Args:
            method: HTTP method.
            headers: request headers.

        Returns:
            The caller.

        Raises:
            Refusal: nobody known (401), or a browser session used from another site (403).
        """
        credential = credential_of(headers)
        caller = await self._verified(credential) if credential else None
        if credential is None or caller is None:
            raise unauthorized()
        if credential.is_cookie and method not in SAFE_METHODS and not self._is_same_origin(headers):
            raise csrf()
        return caller

    async def identify_if_given(self, method: str, headers: Mapping[str, str]) -> Caller | None:
        """Find out who is asking, where nobody has to say it.

        Args:
            method: HTTP method.
            headers: request headers.

        Returns:
            The caller, or None when nobody is known.
        """
        try:
            return await self.identify(method, headers)
        except Refusal:
            return None

    async def check(self, policy: Policy, caller: Caller) -> Caller:
        """Hold a caller to the policy of a route.

        Args:
            policy: who may call it.
            caller: who asks.

        Returns:
            The caller; operators with their right to write.

        Raises:
            Refusal: the caller may not (403).
        """
        if caller.kind is CallerKind.OPERATOR and policy.anchor_dag is not None:
            may = await run_in_threadpool(self._orchestrator.may_edit, caller.handle, policy.anchor_dag)
            caller = replace(caller, may_write=may)
        if not policy.is_public:
            _require(policy, caller)
        return caller

    async def _verified(self, credential: Credential) -> Caller | None:
        if credential.kind is CredentialKind.KEY:
            return await run_in_threadpool(self._verifiers.key, credential.token)
        if credential.kind is CredentialKind.ACCOUNT:
            return await run_in_threadpool(self._verifiers.account, credential.token)
        principal = await self._orchestrator.authenticate(credential.token)
        return Caller(f"airflow:{principal.name}", CallerKind.OPERATOR, handle=principal) if principal else None

    def _is_same_origin(self, headers: Mapping[str, str]) -> bool:
        if headers.get("sec-fetch-site") == "same-origin":
            return True
        origin = urlsplit(headers.get("origin") or "").netloc
        return bool(origin) and origin in {headers.get("host"), self._public_origin}


def require_own_app(caller: Caller | None, app_code: str | None) -> None:
    """Hold a key to its own app, before anything is looked up.

    Args:
        caller: who asks.
        app_code: app of the address, when the address has one.

    Raises:
        Refusal: the key is of another app (403), whether the app of the address exists or not.
    """
    if caller and caller.kind is CallerKind.KEY and app_code is not None and caller.project != app_code:
        raise key_app_mismatch()


def key_app_mismatch() -> Refusal:
    """Refuse a key that is used for another app than its own."""
    return Refusal(403, "key_app_mismatch", "This key belongs to another app.")


def unauthorized() -> Refusal:
    """Refuse a request whose sender is not known; says the same in every case."""
    return Refusal(401, "unauthorized", "Give a valid bearer token or API key.", headers={"WWW-Authenticate": "Bearer"})


def key_scope() -> Refusal:
    """Refuse a key that was not made for this."""
    return Refusal(403, "key_scope", "The scopes of this key do not allow this.")


def csrf() -> Refusal:
    """Refuse a browser session that is used from a page of another site."""
    return Refusal(
        403, "csrf", "A browser session changes things from its own pages only; send a bearer token instead."
    )


def _require(policy: Policy, caller: Caller) -> None:
    if caller.kind is CallerKind.KEY:
        if policy.scope is None or policy.scope not in caller.scopes:
            raise key_scope() if policy.scope is not None else forbidden()
        return
    if caller.kind is CallerKind.ACCOUNT:
        is_allowed = caller.role in policy.roles
    else:
        needs_right = policy.operators is Operators.WRITE
        is_allowed = caller.may_write if needs_right else policy.operators is Operators.READ
    if not is_allowed:
        raise forbidden()
