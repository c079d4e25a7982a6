"""Cutting an export into orders that Metrika accepts (M1)."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace

from sqlalchemy import Engine

from include.errors import SourceRejected
from include.metrika.client.logs_api import Evaluation, LogOrder, LogsApi
from include.metrika.requests.releasing import release_stale

logger = logging.getLogger(__name__)

MAX_PERIOD_DAYS = 365  # documented: at most one year, leap or not
STALE_AFTER = dt.timedelta(hours=4)  # no run waits longer for its request by default


def split_days(order: LogOrder, day_count: int) -> tuple[LogOrder, ...]:
    """Cut an order into runs of days that together cover every day once.

    Args:
        order: the whole.
        day_count: most days of one piece, at least 1.

    Returns:
        The pieces in order.
    """
    pieces = []
    first = order.first_date
    while first <= order.last_date:
        last = min(first + dt.timedelta(days=day_count - 1), order.last_date)
        pieces.append(replace(order, first_date=first, last_date=last))
        first = last + dt.timedelta(days=1)
    return tuple(pieces)


def possible_days(evaluation: Evaluation, wanted_days: int) -> int:
    """How many days of an order can be exported at once.

    Args:
        evaluation: Metrika's answer.
        wanted_days: days of the order.

    Returns:
        Days, at most the wanted ones; 0 or negative when there is no room at all.
    """
    if evaluation.is_possible:
        return wanted_days
    if evaluation.max_day_count is not None:
        return min(wanted_days, evaluation.max_day_count)
    if evaluation.expected_bytes and evaluation.stored_bytes is not None:
        room_bytes = evaluation.limit_bytes - evaluation.stored_bytes
        return min(wanted_days, room_bytes * wanted_days // evaluation.expected_bytes)
    return 0


def no_room(order: LogOrder, evaluation: Evaluation) -> SourceRejected:
    """The error of a store that is full although our own requests are cleaned.

    Args:
        order: what was wanted.
        evaluation: Metrika's last answer.

    Returns:
        The error, with every figure a person needs.
    """

    def figure(value: int | None) -> str:
        """A number with thousands apart, or that it is unknown."""
        return "an unknown number of" if value is None else f"{value:,}"

    return SourceRejected(
        f"Metrika has no room to prepare {order}: expected {figure(evaluation.expected_bytes)} bytes (an estimate, "
        f"often several times too low), stored {figure(evaluation.stored_bytes)} of at most "
        f"{figure(evaluation.limit_bytes)} bytes, possible days {figure(evaluation.max_day_count)}; own leftovers "
        "are cleaned already, so clean the prepared logs of other users of this counter in Metrika, then load again.",
        status=400, error_type="limit_exceeded", counter_id=order.counter_id,
    )  # fmt: skip


def plan_orders(
    api: LogsApi, state: Engine, order: LogOrder, *, stale_after: dt.timedelta = STALE_AFTER
) -> tuple[LogOrder, ...]:
    """Evaluate an order and cut it into pieces that can be exported one after another.

    Args:
        api: the Logs API.
        state: the state engine; own stale requests are freed when the store is full.
        order: the whole range.
        stale_after: own requests older than this are stale.

    Returns:
        One or more orders covering every day once; export and clean one before the next, since all
        prepared logs of a counter share one store.

    Raises:
        SourceRejected: not even one day can be prepared; the message has the sizes. Or Metrika
            refused the evaluation, for example for an unknown field.
    """
    planned: list[LogOrder] = []
    for piece in split_days(order, MAX_PERIOD_DAYS):
        wanted = (piece.last_date - piece.first_date).days + 1
        evaluation = api.evaluate(piece)
        days = possible_days(evaluation, wanted)
        if days < 1:
            freed = release_stale(api, state, order.counter_id, stale_after)
            evaluation = api.evaluate(piece)
            days = possible_days(evaluation, wanted)
            logger.info("store of counter %d was full, freed %d requests", order.counter_id, freed)
        if days < 1:
            raise no_room(piece, evaluation)
        planned.extend(split_days(piece, days))
    if len(planned) > 1:
        logger.info("%s is exported in %d pieces", order, len(planned))
    return tuple(planned)
