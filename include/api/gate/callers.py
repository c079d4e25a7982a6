"""Who is asking, whatever credential they brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CallerKind(StrEnum):
    """The kinds of callers."""

    OPERATOR = "operator"  # a signed-in user of Airflow
    ACCOUNT = "account"  # a person of the product's own accounts
    KEY = "key"  # a device or service of one app


@dataclass(frozen=True)
class Caller:
    """A known caller.

    Attributes:
        name: for records: ``airflow:<login>``, ``account:<user id>`` or ``key:<key id>``.
        kind: operator, account or key.
        role: role of an account, read with this request; empty for others.
        user_id: id of an account; None for others.
        project: app of a key; None for others.
        scopes: what a key allows; empty for others.
        may_write: an operator who has the edit right on the anchor DAG of the route.
        handle: the orchestrator's idea of an operator, or the session of an account; for the gate and its routes.
    """

    name: str
    kind: CallerKind
    role: str = ""
    user_id: str | None = None
    project: str | None = None
    scopes: frozenset[str] = frozenset()
    may_write: bool = False
    handle: Any = field(default=None, repr=False, compare=False)

    @property
    def login(self) -> str:
        """The name without its kind; what Airflow is told."""
        return self.name.partition(":")[2]
