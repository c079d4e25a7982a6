"""The seal of a counter-day: a copy of the records of all its stages under one digest.

A stage that is written again changes its own entry only. So a record edited by hand stays visible as edited, even
after other stages of the day have run, and the copy says what it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now
from include.state.tables import day_seals


@dataclass(frozen=True)
class DaySeal:
    """The seal of one counter-day.

    Attributes:
        digest: over the entries and the narrowing digests, 64 hex digits.
        stages: copy of each stage's record without its key, by stage.
        narrowing: digests of parts of the stored rows, by stage.
        sealed_at: when a stage was last written, UTC.
    """

    digest: str
    stages: Mapping[str, Mapping[str, Any]]
    narrowing: Mapping[str, Any]
    sealed_at: dt.datetime

    @property
    def is_whole(self) -> bool:
        """Whether the seal's own digest is that of its contents."""
        return self.digest == _digest_of(self.stages, self.narrowing)


def seal_stage(
    connection: Connection,
    counter_id: int,
    day: dt.date,
    stage: str,
    values: Mapping[str, Any],
    narrowing: Mapping[str, Any] | None,
) -> None:
    """Bind a stage that was just written into the seal of its day.

    Args:
        connection: the transaction that wrote the stage.
        counter_id: the counter.
        day: local day.
        stage: stage name.
        values: its record without the key, as the store gives it back.
        narrowing: digests of parts of the stage's rows, or None.
    """
    key = {"key": f"seal:{counter_id}:{day.isoformat()}"}
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)
    before = read_seal(connection, counter_id, day)
    stages = {**(before.stages if before else {}), stage: dict(values)}
    parts = {name: kept for name, kept in (before.narrowing if before else {}).items() if name != stage}
    if narrowing:
        parts[stage] = dict(narrowing)
    row = {"digest": _digest_of(stages, parts), "stages": stages, "narrowing": parts, "sealed_at": utc_now()}
    statement = insert(day_seals).values(counter_id=counter_id, day=day, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["counter_id", "day"], set_=row))


def read_seal(connection: Connection, counter_id: int, day: dt.date) -> DaySeal | None:
    """Read the seal of a day.

    Args:
        connection: open connection.
        counter_id: the counter.
        day: local day.

    Returns:
        The seal, or None when every stage was written by a version that did not seal days.
    """
    c = day_seals.c
    query = select(c.digest, c.stages, c.narrowing, c.sealed_at).where(c.counter_id == counter_id, c.day == day)
    row = connection.execute(query).mappings().first()
    return DaySeal(**row) if row else None


def _digest_of(stages: Mapping[str, Any], narrowing: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([dict(stages), dict(narrowing)], sort_keys=True).encode()).hexdigest()
