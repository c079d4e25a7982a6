"""Which days of a range a backfill has to load."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from include.days import today_in
from include.metrika.loading.load_job import SOURCES, LoadJob, fields_of
from include.metrika.planning.history import History, Stage


@dataclass(frozen=True)
class DayChoice:
    """The days of a range by what is to be done about them.

    Attributes:
        to_load: days that have to be loaded, those to be loaded again included.
        again: of them, days that are stored, but were loaded while their visits could still change, or
            without a field that is wanted now.
        unchanged: days that are stored as they will stay.
        refused: today and later; Metrika does not give them.
    """

    to_load: tuple[dt.date, ...]
    again: tuple[dt.date, ...]
    unchanged: tuple[dt.date, ...]
    refused: tuple[dt.date, ...]


def choose_days(job: LoadJob, history: History, days: Sequence[dt.date]) -> DayChoice:
    """Sort the days of a range.

    Args:
        job: the load, for the zone, the fields and how long visits keep changing.
        history: what is stored.
        days: days in order.

    Returns:
        The days, each in one place; days to be loaded again in two.
    """
    today = today_in(job.counter.zone)
    closed = [day for day in days if day < today]
    stored = [day for day in closed if day in history.of(SOURCES[0])]
    unchanged = tuple(day for day in stored if _is_final(job, history, day))
    return DayChoice(
        to_load=tuple(day for day in closed if day not in unchanged),
        again=tuple(day for day in stored if day not in unchanged),
        unchanged=unchanged,
        refused=tuple(day for day in days if day >= today),
    )


def _is_final(job: LoadJob, history: History, day: dt.date) -> bool:
    records = [history.of(source).get(day) for source in SOURCES]
    return all(record is not None and _is_settled(job, record) for record in records) and all(
        record is not None and _has_fields(job, source, record) for source, record in zip(SOURCES, records, strict=True)
    )


def _is_settled(job: LoadJob, record: Stage) -> bool:
    loaded_on = record.finished_at.astimezone(job.counter.zone).date()
    return loaded_on > record.day + dt.timedelta(days=job.settings.reload_days)


def _has_fields(job: LoadJob, source: str, record: Stage) -> bool:
    return {one.api_name for one in fields_of(job, source)} <= set(record.details.get("fields", ()))
