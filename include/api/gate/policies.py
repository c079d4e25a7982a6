"""Who may call a route. A route without a policy stops the app."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

VISITS_ANCHOR = "metrika_logs"
CONVERSIONS_ANCHOR = "conversion_upload"
MODELS_ANCHOR = "visit_model_training"
EVENTS_ANCHOR = "event_loading"
ACCOUNTS_ANCHOR = "housekeeping"
METRICS_ANCHOR = "learning_metrics"
STORE_ANCHOR = "store_simulation"

JSON_TYPE = "application/json"


class Operators(StrEnum):
    """What a user of Airflow needs to call a route."""

    NONE = "none"  # no user of Airflow may call it
    READ = "read"  # to be signed in
    WRITE = "write"  # the edit right on the anchor DAG


@dataclass(frozen=True)
class Policy:
    """Who may call a route; nobody by default.

    Attributes:
        is_public: nobody needs credentials.
        operators: which users of Airflow may.
        anchor_dag: the DAG whose edit right makes an operator a writer; None for routes that only read.
        roles: roles of accounts that may.
        scope: scope of API keys that may; None: no key may.
    """

    is_public: bool = False
    operators: Operators = Operators.NONE
    anchor_dag: str | None = None
    roles: frozenset[str] = frozenset()
    scope: str | None = None

    @property
    def knows_callers(self) -> bool:
        """Whether a credential is looked at: always, but for public routes where it changes nothing."""
        return not self.is_public or self.anchor_dag is not None

    def also(self, *, roles: Iterable[str] = (), scope: str | None = None) -> Policy:
        """Let further callers in.

        Args:
            roles: roles of accounts.
            scope: scope of API keys; None leaves it as it is.

        Returns:
            A copy that these callers pass too. Which app or course is theirs is for the handler to decide.
        """
        return replace(self, roles=self.roles | frozenset(roles), scope=scope or self.scope)


PUBLIC = Policy(is_public=True)
READ = Policy(operators=Operators.READ)


def write(anchor_dag: str) -> Policy:
    """Give the policy of a route that changes something.

    Args:
        anchor_dag: the DAG that stands for the domain.

    Returns:
        The policy.
    """
    return Policy(operators=Operators.WRITE, anchor_dag=anchor_dag)


def accounts_only(roles: Iterable[str]) -> Policy:
    """Give the policy of a route for signed-in people, and for nobody else.

    Args:
        roles: their roles.

    Returns:
        The policy.
    """
    return Policy(roles=frozenset(roles))


def keys_only(scope: str) -> Policy:
    """Give the policy of a route for devices, and for nobody else.

    Args:
        scope: what their key must allow.

    Returns:
        The policy.
    """
    return Policy(scope=scope)


def public_to_all(anchor_dag: str) -> Policy:
    """Give the policy of a route that everybody may call, and that does more for some.

    Args:
        anchor_dag: the DAG whose edit right makes an operator a writer.

    Returns:
        The policy; the handler finds the caller, or None, in ``request.state.caller``.
    """
    return Policy(is_public=True, anchor_dag=anchor_dag)


@dataclass(frozen=True)
class BodyRule:
    """How the body of a route is read before the handler sees it.

    Attributes:
        limit_bytes: largest body, counted after decompression.
        is_raw: it is not parsed here; the handler finds the bytes in ``request.state.body``.
        takes_gzip: ``Content-Encoding: gzip`` is taken.
    """

    limit_bytes: int
    is_raw: bool = False
    takes_gzip: bool = False


JSON_BODY = BodyRule(1_048_576)
EVENTS_BODY = BodyRule(5 * 1_048_576, is_raw=True, takes_gzip=True)


@dataclass(frozen=True)
class Rules:
    """What the guard needs to know about a route.

    Attributes:
        policy: who may call it.
        media_type: what it answers with.
        also_media: other types it can answer with when asked.
        is_idempotent: honours ``Idempotency-Key``.
        body: how its body is read, when it has one.
    """

    policy: Policy
    media_type: str = JSON_TYPE
    also_media: tuple[str, ...] = ()
    is_idempotent: bool = False
    body: BodyRule = JSON_BODY
