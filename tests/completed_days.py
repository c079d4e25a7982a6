"""Completion of one day of a course, calculated from events in both stores as the job does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from include.accounts.actors import Actor
from include.accounts.courses import CourseItem, write_course
from include.metrics.catalogue.cards import cards_of
from include.metrics.courses import learning_course
from include.metrics.names import VERSIONS, Metric
from include.metrics.parts.building import ensure_user_days, rebuild_days
from include.metrics.parts.snapshot import read_snapshot
from include.metrics.parts.taking import take_loads
from include.metrics.periods.grains import Grain, period_of
from include.metrics.values.batches import batches_of
from include.metrics.values.computing import ValueRow, value_rows
from include.settings.learning import LearningSettings
from tests.event_inbox import Inbox

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def take_events(inbox: Inbox) -> None:
    """Let the metrics know of everything that was loaded."""
    ensure_user_days(inbox.warehouse)
    take_loads(inbox.warehouse, inbox.state, inbox.settings.events_table, now=NOW)


def completions(inbox: Inbox, course_id: str, items: Sequence[str], day: dt.date) -> list[ValueRow]:
    """Both versions of completion of everybody with events on a day of a course that asks for some items."""
    write_course(
        inbox.state, project="default", course_id=course_id, teachers=(), time_zone="UTC",
        items=tuple(CourseItem(item) for item in items), by=Actor("command"), now=NOW,
    )  # fmt: skip
    table = inbox.settings.events_table
    with inbox.state.connect() as connection:
        course, snapshot = learning_course(connection, "default", course_id), read_snapshot(connection)
        rebuild_days(inbox.warehouse, inbox.state, table, course, [day], snapshot)
        cards = cards_of([Metric.COMPLETION_RATE], VERSIONS, course.zone.key, LearningSettings())
        (batch,) = batches_of(
            connection, course, [period_of(day, Grain.DAY, course.zone)], cards, now=NOW, snapshot=snapshot
        )
    return value_rows(inbox.warehouse, table, batch)
