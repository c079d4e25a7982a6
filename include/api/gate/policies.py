"""Who may call a route. A route without a policy stops the app."""

from __future__ import annotations

from dataclasses import dataclass

VISITS_ANCHOR = "metrika_logs"
CONVERSIONS_ANCHOR = "conversion_upload"
MODELS_ANCHOR = "visit_model_training"

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Policy:
    """Who may call a route.

    Attributes:
        is_public: nobody needs credentials.
        anchor_dag: the DAG whose edit right is needed; None: any known caller may read.
    """

    is_public: bool = False
    anchor_dag: str | None = None


PUBLIC = Policy(is_public=True)
READ = Policy()


def write(anchor_dag: str) -> Policy:
    """Give the policy of a route that changes something.

    Args:
        anchor_dag: the DAG that stands for the domain.

    Returns:
        The policy.
    """
    return Policy(anchor_dag=anchor_dag)


@dataclass(frozen=True)
class Rules:
    """What the guard needs to know about a route.

    Attributes:
        policy: who may call it.
        media_type: what it answers with.
        is_idempotent: honours ``Idempotency-Key``.
    """

    policy: Policy
    media_type: str = JSON_TYPE
    is_idempotent: bool = False
