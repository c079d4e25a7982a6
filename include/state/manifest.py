"""The day manifest: what each stage of a counter-day read, wrote and counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from include.state.seals import seal_stage
from include.state.tables import day_stages


@dataclass(frozen=True)
class StageRecord:
    """One stage of one counter-day.

    Attributes:
        counter_id: the counter.
        day: local day.
        stage: visits, hits, scores or upload.
        digest: digest of the stage's output.
        input_digest: digest of what it read.
        counts: rows in and out by kind.
        details: parameters, versions, parts.
        run_id: the run that wrote it.
        duration_seconds: how long the stage took.
        finished_at: when it ended, UTC.
    """

    counter_id: int
    day: dt.date
    stage: str
    digest: str
    input_digest: str
    run_id: str
    duration_seconds: float
    finished_at: dt.datetime
    counts: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The record without its key, as the seal of the day keeps it."""
        values = {name: value for name, value in vars(self).items() if name not in ("counter_id", "day", "stage")}
        return {**values, "finished_at": self.finished_at.astimezone(dt.UTC).isoformat()}

    @classmethod
    def from_json(cls, counter_id: int, day: dt.date, stage: str, values: Mapping[str, Any]) -> StageRecord:
        """Read what :meth:`as_json` gave.

        Args:
            counter_id: the counter.
            day: local day.
            stage: stage name.
            values: the other fields.

        Returns:
            The record.
        """
        finished_at = dt.datetime.fromisoformat(values["finished_at"])
        return cls(counter_id, day, stage, **{**values, "finished_at": finished_at})


def write_stage(connection: Connection, record: StageRecord, *, narrowing: Mapping[str, Any] | None = None) -> None:
    """Store a stage, replacing its earlier record, and seal the day again; the caller commits.

    Args:
        connection: open transaction.
        record: the stage.
        narrowing: digests of parts of the stage's rows, kept with the seal; None when there are none.
    """
    values = {
        **vars(record),
        "counts": dict(record.counts),
        "details": dict(record.details),
    }
    statement = insert(day_stages).values(values)
    keys = [column.name for column in day_stages.primary_key]
    updates = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=updates))
    stored = read_stages(connection, record.counter_id, [record.day], [record.stage])  # as jsonb gives it back
    seal_stage(connection, record.counter_id, record.day, record.stage, stored[0].as_json(), narrowing)


def read_stage(connection: Connection, counter_id: int, day: dt.date, stage: str) -> StageRecord | None:
    """Read one stage.

    Args:
        connection: open connection.
        counter_id: the counter.
        day: local day.
        stage: stage name.

    Returns:
        The record, or None when the stage has not run.
    """
    return next(iter(read_stages(connection, counter_id, [day], [stage])), None)


def read_stages(
    connection: Connection, counter_id: int, days: Iterable[dt.date], stages: Iterable[str] | None = None
) -> list[StageRecord]:
    """Read the stages of some days.

    Args:
        connection: open connection.
        counter_id: the counter.
        days: local days.
        stages: stage names; None for all.

    Returns:
        Records ordered by day and stage.
    """
    query = (
        select(day_stages)
        .where(day_stages.c.counter_id == counter_id, day_stages.c.day.in_(list(days)))
        .order_by(day_stages.c.day, day_stages.c.stage)
    )
    if stages is not None:
        query = query.where(day_stages.c.stage.in_(list(stages)))
    return [StageRecord(**dict(row)) for row in connection.execute(query).mappings()]


def counters_with(connection: Connection, days: Iterable[dt.date], stage: str) -> list[int]:
    """Counters that have a stage on one of some days.

    Args:
        connection: open connection.
        days: local days.
        stage: stage name.

    Returns:
        Counter ids in order.
    """
    c = day_stages.c
    query = select(c.counter_id).where(c.day.in_(list(days)), c.stage == stage).distinct().order_by(c.counter_id)
    return [int(counter_id) for counter_id in connection.execute(query).scalars()]
