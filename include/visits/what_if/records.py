"""Asked what-ifs in PostgreSQL: one row per counter, range and proposal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from include.days import iter_days, utc_now
from include.errors import InputError
from include.state.engine import reachable
from include.state.tables import what_ifs
from include.visits.what_if.proposal import ProposedModel

NAMESPACE = UUID("6f2d1a54-9d0b-5c0e-8a37-77c1a1f0c4e2")  # any fixed one: ids follow from what was asked


@dataclass(frozen=True)
class WhatIf:
    """One asked what-if.

    Attributes:
        what_if_id: its id; the same question about the same input has the same one.
        counter_id: the counter.
        first_day: first day of the range.
        last_day: last day of the range.
        proposal: proposed models by name, as :class:`ProposedModel` has them.
        summary: days, totals, how visits are valued, models in production, target.
        input_digest: of the days, models and values it was computed from.
        run_id: the run that asked first.
        asked_at: when it was first asked, UTC.
        applied_at: when it was put in force, UTC; None while it is not.
        applied_by: who did that.
        applied_run_id: the run that did that.
    """

    what_if_id: str
    counter_id: int
    first_day: dt.date
    last_day: dt.date
    proposal: Mapping[str, Any]
    summary: Mapping[str, Any]
    input_digest: str
    run_id: str
    asked_at: dt.datetime
    applied_at: dt.datetime | None = None
    applied_by: str = ""
    applied_run_id: str = ""

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Every day of the range."""
        return tuple(iter_days(self.first_day, self.last_day))

    @property
    def models(self) -> tuple[ProposedModel, ...]:
        """The proposed models."""
        return tuple(ProposedModel(name=name, **values) for name, values in sorted(self.proposal.items()))


def store_what_if(connection: Connection, asked: WhatIf) -> WhatIf:
    """Store an answer; the same question about the same input keeps its id and its first instant.

    A what-if that was applied and undone since, so that its input is back, is a new question.

    Args:
        connection: open transaction.
        asked: the answer; its id is replaced.

    Returns:
        The row as stored.
    """
    key = f"what_if:{asked.counter_id}:{asked.input_digest}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
    c = what_ifs.c
    same = (c.counter_id == asked.counter_id, c.input_digest == asked.input_digest)
    applied = select(func.count()).select_from(what_ifs).where(*same, c.applied_at.is_not(None))
    number = int(connection.execute(applied).scalar_one())
    values = {
        **vars(asked),
        "what_if_id": str(uuid5(NAMESPACE, f"{asked.counter_id}:{asked.input_digest}:{number}")),
        "proposal": dict(asked.proposal),
        "summary": dict(asked.summary),
    }
    statement = insert(what_ifs).values(values)
    again = statement.on_conflict_do_update(index_elements=[c.what_if_id], set_={"summary": statement.excluded.summary})
    return _what_if(dict(connection.execute(again.returning(what_ifs)).mappings().one()))


def read_what_if(state: Engine, what_if_id: str) -> WhatIf:
    """Read one what-if.

    Args:
        state: the state engine.
        what_if_id: its id.

    Returns:
        The row.

    Raises:
        InputError: no such what-if (code ``what_if_unknown``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    try:
        wanted = str(UUID(what_if_id))
    except ValueError:
        wanted = ""
    row = None
    if wanted:
        with reachable(state), state.connect() as connection:
            row = connection.execute(select(what_ifs).where(what_ifs.c.what_if_id == wanted)).mappings().first()
    if row is None:
        raise InputError(
            f"There is no what-if {what_if_id!r}; 'python -m include visits what-if-list' shows all.",
            code="what_if_unknown",
            pointer="/id",
        )
    return _what_if(dict(row))


def list_what_ifs(state: Engine, counter_ids: Iterable[int]) -> list[WhatIf]:
    """Every asked what-if of some counters.

    Args:
        state: the state engine.
        counter_ids: the counters.

    Returns:
        Newest first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    c = what_ifs.c
    query = select(what_ifs).where(c.counter_id.in_(list(counter_ids))).order_by(c.asked_at.desc(), c.what_if_id)
    with reachable(state), state.connect() as connection:
        return [_what_if(dict(row)) for row in connection.execute(query).mappings()]


def mark_applied(state: Engine, what_if_id: str, *, applied_by: str, run_id: str) -> WhatIf:
    """Write down that a what-if is in force.

    Args:
        state: the state engine.
        what_if_id: its id.
        applied_by: who did it.
        run_id: the run that did it.

    Returns:
        The row after the change.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    change = (
        update(what_ifs)
        .where(what_ifs.c.what_if_id == what_if_id)
        .values(applied_at=utc_now(), applied_by=applied_by, applied_run_id=run_id)
        .returning(what_ifs)
    )
    with reachable(state), state.begin() as connection:
        return _what_if(dict(connection.execute(change).mappings().one()))


def _what_if(row: dict[str, Any]) -> WhatIf:
    return WhatIf(**row)
