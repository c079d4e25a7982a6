"""Where the days of a batch come from: stored user-days, or the events of a period that cuts days."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from importlib.resources import files
from typing import Any

from include.metrics.parts.sql import Statement, parts_of_events
from include.metrics.periods.grains import ONE_DAY, day_start
from include.metrics.tables import USER_DAYS
from include.metrics.values.batches import Batch
from include.warehouse.client import quoted

PARAMETER = re.compile(r"%\((\w+)\)s")


@cache
def read_sql(name: str) -> str:
    """Read a text of this folder.

    Args:
        name: path below ``sql`` without the ending.

    Returns:
        The text.
    """
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()


def stored(name: str, table: str, **places: str) -> str:
    """Read a text that reads stored user-days.

    Args:
        name: path below ``sql`` without the ending.
        table: the user-days, or a copy of a course's.
        places: other places of the text to fill.

    Returns:
        The text, over the days of the course and, when one is asked for, the person.
    """
    return read_sql(name).format(user_days=quoted(table), **places)


def days_of(batch: Batch, events_table: str, person_id: str | None) -> Statement:
    """The query that gives the days of a batch.

    Args:
        batch: the batch.
        events_table: ClickHouse table of events, read only where a period cuts days.
        person_id: one person only; None for everybody.

    Returns:
        A SELECT with the columns of ``user_days``, days that a period cuts made of the events inside it.
    """
    if batch.is_whole_days:
        days = tuple(day.isoformat() for period in batch.periods for day in period.days)
        return Statement(stored("stored_days", USER_DAYS.name, only_person=only(person_id)), {"days": days})
    period = batch.periods[0]
    return _clipped(batch, events_table, period.start_at, period.end_at, person_id, prefix="cut_")


def done_of(batch: Batch, events_table: str, person_id: str | None) -> Statement:
    """The query that gives what was done on each day from the start of the course to the end of a batch.

    Args:
        batch: the batch.
        events_table: ClickHouse table of events, read only where the period ends within a day.
        person_id: one person only; None for everybody.

    Returns:
        A SELECT of person_id, day and done_items.
    """
    last = batch.periods[-1]
    whole = stored("stored_done", batch.history, only_person=only(person_id))
    if day_start(last.end_day, last.zone) == last.end_at:
        return Statement(whole, {"done_before_day": last.end_day.isoformat()})
    cut_day = last.end_day - ONE_DAY
    begun = _clipped(batch, events_table, day_start(cut_day, last.zone), last.end_at, person_id, prefix="last_")
    sql = f"{whole}\nUNION ALL\nSELECT person_id, day, done_items FROM ({begun.sql})"
    return Statement(sql, {**begun.params, "done_before_day": cut_day.isoformat()})


def only(person_id: str | None) -> str:
    """The condition that leaves one person.

    Args:
        person_id: the person, a parameter of the same name; None for everybody.

    Returns:
        SQL to append to a WHERE.
    """
    return "" if person_id is None else " AND person_id = toUUID(%(person_id)s)"


def _clipped(
    batch: Batch, events_table: str, start_at: dt.datetime, end_at: dt.datetime, person_id: str | None, *, prefix: str
) -> Statement:
    """User-days of the events of an interval; its parameters get names of their own, for there may be two of it."""
    made = parts_of_events(events_table, batch.course, start_at, end_at, batch.snapshot, person_id=person_id)
    params: dict[str, Any] = {f"{prefix}{name}": value for name, value in made.params.items()}
    return Statement(PARAMETER.sub(rf"%({prefix}\1)s", made.sql), params)
