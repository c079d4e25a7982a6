"""Slices: one metric in one version for one course and period, also when nobody is in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from include.metrics.catalogue.card import Card
from include.metrics.periods.grains import Period
from include.metrics.storing.statements import statement
from include.metrics.storing.states import CLOSED, period_state
from include.metrics.storing.writing import Writing
from include.metrics.values.batches import Batch
from include.metrics.values.changes import NOT_CLOSED, next_change_at


class SliceKey(NamedTuple):
    """A slice within a batch, whose periods begin at different instants."""

    metric: str
    version: int
    period_start_at: dt.datetime


def place_slices(connection: Connection, batch: Batch, writing: Writing) -> int:
    """Make the slices of a batch that do not exist, and lock all of them.

    Args:
        connection: in the transaction that stores the batch; the values have come in.
        batch: what was computed.
        writing: who writes, when and why.

    Returns:
        How many slices were made.
    """
    waiting = {SliceKey(*row) for row in connection.execute(statement("open_slices"), {"reason": NOT_CLOSED})}
    asked = [
        _asked(
            card, period, batch, writing, has_not_closed=(str(card.metric), card.version, period.start_at) in waiting
        )
        for card in batch.cards
        for period in batch.periods
    ]
    columns = {name: [row[name] for row in asked] for name in asked[0]}
    connection.execute(statement("asked_slices"), columns)
    key = {
        "project": batch.course.project,
        "course_id": batch.course.course_id,
        "grain": str(batch.periods[0].grain),
    }
    made = {"time_zone": batch.course.zone.key, "run_id": writing.run_id, "now": writing.now}
    new_ids = list(connection.execute(statement("make_slices"), {**key, **made}).scalars())
    connection.execute(statement("placed_slices"), {**key, "new_ids": new_ids})
    return len(new_ids)


def close_slices(connection: Connection, writing: Writing) -> list[int]:
    """Write down how many people the slices of a batch have now, and when they change by themselves.

    Args:
        connection: in the transaction that stores the batch.
        writing: who writes and when.

    Returns:
        Rows of each slice.
    """
    values = {"run_id": writing.run_id, "now": writing.now}
    return list(connection.execute(statement("close_slices"), values).scalars())


def _asked(card: Card, period: Period, batch: Batch, writing: Writing, *, has_not_closed: bool) -> Mapping[str, Any]:
    cause = writing.causes[period]
    state = period_state(period.end_at, now=writing.now, grace_hours=writing.grace_hours)
    return {
        "metric": str(card.metric),
        "version": card.version,
        "card_digest": card.digest,
        "period_start_at": period.start_at,
        "period_end_at": period.end_at,
        "is_closed": state == CLOSED,
        "cause": cause.cause,
        "load_ids": "{" + ",".join(map(str, cause.load_ids)) + "}",
        "next_change_at": next_change_at(card, period, batch.now, has_not_closed=has_not_closed),
    }
