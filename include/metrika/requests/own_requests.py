"""Own log requests: ordered once, found again after a crash, awaited, given back (M1, M7, M8, M9).

The caller holds the lock of the days it works on; no transaction is open while Metrika is asked.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from sqlalchemy import Engine

from include.days import utc_now
from include.errors import SourceDataError, SourceRejected, SourceRequestFailed, SourceUnavailable
from include.failpoints import failpoint
from include.metrika.client.answers import AnswerLost
from include.metrika.client.logs_api import FAILED, PROCESSED, WAITING, LogOrder, LogRequest, LogsApi
from include.metrika.requests.order_rows import (
    CLOSED,
    CREATED,
    LOADED,
    READY,
    OwnRequest,
    close,
    insert_order,
    open_requests,
    save,
    save_seen,
)  # fmt: skip
from include.metrika.requests.planning import STALE_AFTER, no_room, plan_orders, possible_days
from include.metrika.requests.releasing import GONE, find_unstored, release, release_stale
from include.progress import Progress, no_progress
from include.settings import MetrikaSettings

__all__ = [
    "OwnRequest", "ensure_request", "mark_loaded", "plan_orders", "refresh", "release", "release_stale",
    "wait_processed",
]  # fmt: skip

logger = logging.getLogger(__name__)

REUSE_WITHIN = dt.timedelta(hours=6)  # an older export would miss visits that changed since
CREATE_TRIES = 3  # each after a look at the list
LOOK_AGAIN_SECONDS = 1.0  # a request whose answer was lost shows up in the list after a moment
POLL_GROWTH = 1.5
NEVER_ROOM = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


def ensure_request(
    api: LogsApi,
    state: Engine,
    order: LogOrder,
    run_id: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> OwnRequest:
    """Find the own request for an order again, or order it; never two exports of one order.

    Args:
        api: the Logs API.
        state: the state engine.
        order: what to export; one of :func:`plan_orders`.
        run_id: the run that asks.
        sleep: waits so many seconds.

    Returns:
        A live request, in any state before loaded.

    Raises:
        SourceRejected: Metrika refused the order; a full store is told with its sizes.
        SourceUnavailable: Metrika cannot be asked; the next call goes on where this one stopped.
    """
    for own in open_requests(state, order):
        resumed = _resume(api, state, own, run_id, sleep)
        if resumed is not None:
            return resumed
    highest = max((request.request_id for request in api.list(order.counter_id)), default=0)
    own = insert_order(state, order, highest, run_id)
    failpoint("request.ordered")
    return _create(api, state, own, sleep)


def _resume(
    api: LogsApi, state: Engine, own: OwnRequest, run_id: str, sleep: Callable[[float], None]
) -> OwnRequest | None:
    """Go on with a row of an earlier run, or end it."""
    if own.run_id != run_id and utc_now() - own.ordered_at > REUSE_WITHIN:
        release(api, state, own)
        return None
    if own.request_id is None:
        request, highest = find_unstored(api, state, own)
        if request is None:
            return _create(api, state, save(state, own, floor_request_id=highest, run_id=run_id), sleep)
    else:
        request = _get(api, own)
    if request is None or request.status in FAILED:
        close(state, own, CLOSED, request.status if request else GONE)
        return None
    logger.info("%s is taken up again, status %s", own, request.status)
    return _keep(state, own, request, run_id=run_id)


def _get(api: LogsApi, own: OwnRequest) -> LogRequest | None:
    assert own.request_id is not None
    try:
        return api.get(own.order.counter_id, own.request_id)
    except SourceRejected as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _create(api: LogsApi, state: Engine, own: OwnRequest, sleep: Callable[[float], None]) -> OwnRequest:
    try:
        request = _create_once(api, state, own, sleep)
    except SourceRejected as error:
        close(state, own, CLOSED, error.error_type or str(error.status))
        raise
    failpoint("request.answered")
    kept = _keep(state, own, request)
    logger.info("%s is ordered", kept)
    failpoint("request.created")
    return kept


def _create_once(api: LogsApi, state: Engine, own: OwnRequest, sleep: Callable[[float], None]) -> LogRequest:
    for tries in range(1, CREATE_TRIES + 1):
        try:
            return api.create(own.order)
        except SourceRejected as error:
            _make_room(api, state, own.order, error)
            return api.create(own.order)
        except AnswerLost:
            sleep(LOOK_AGAIN_SECONDS * tries)
            found, _ = find_unstored(api, state, own)
            if found is not None:
                return found
    raise SourceUnavailable(
        f"Metrika lost {CREATE_TRIES} orders of {own.order} without a trace; try again later.",
        counter_id=own.order.counter_id, day=own.order.first_date,
    )  # fmt: skip


def _make_room(api: LogsApi, state: Engine, order: LogOrder, refusal: SourceRejected) -> None:
    """Free the store when a full store is why the create was refused; otherwise raise.

    No page says how a full store is refused, so any 4xx may mean it; the evaluation tells.
    """
    if refusal.status in NEVER_ROOM:
        raise refusal
    evaluation = api.evaluate(order)
    if possible_days(evaluation, 1) >= 1:
        raise refusal
    release_stale(api, state, order.counter_id, STALE_AFTER)
    evaluation = api.evaluate(order)
    if possible_days(evaluation, 1) < 1:
        raise no_room(order, evaluation)


def _keep(state: Engine, own: OwnRequest, request: LogRequest, **values: object) -> OwnRequest:
    if request.status == PROCESSED and request.size_bytes > 0 and not request.parts:
        raise SourceDataError(
            f"{own} has {request.size_bytes} bytes but no parts; load the day again.",
            counter_id=own.order.counter_id, request_id=request.request_id,
        )  # fmt: skip
    status = own.status if own.status == LOADED else (READY if request.status == PROCESSED else CREATED)
    return save_seen(state, own, request, status=status, **values)


def refresh(api: LogsApi, state: Engine, own: OwnRequest) -> OwnRequest:
    """Ask once how a request is doing.

    Args:
        api: the Logs API.
        state: the state engine.
        own: a request with an id.

    Returns:
        The request as Metrika shows it now; :attr:`OwnRequest.is_ready` when its parts are there.
        ``created``, ``awaiting_retry`` and words nobody knows mean: wait.

    Raises:
        SourceRequestFailed: it ended without data; the next :func:`ensure_request` orders anew.
    """
    request = _get(api, own)
    word = request.status if request else GONE
    if request is None or word in FAILED:
        close(state, own, CLOSED, word)
        raise SourceRequestFailed(
            f"{own} ended as {word!r} at Metrika; run the load again to order a new one.",
            counter_id=own.order.counter_id, day=own.order.first_date, request_id=own.request_id,
        )  # fmt: skip
    kept = _keep(state, own, request)
    if kept.is_ready:
        failpoint("request.processed")
    return kept


def wait_processed(
    api: LogsApi,
    state: Engine,
    own: OwnRequest,
    settings: MetrikaSettings,
    progress: Progress = no_progress,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> OwnRequest:
    """Poll a request until its parts are there; the pauses grow.

    Args:
        api: the Logs API.
        state: the state engine.
        own: a request whose status has just been seen.
        settings: pauses and deadline.
        progress: told the status at every poll, in seconds of the deadline.
        sleep: waits so many seconds.

    Returns:
        The ready request.

    Raises:
        SourceRequestFailed: it ended without data, or hung in a status nobody knows.
        SourceUnavailable: it was still queued at the deadline.
    """
    started, pause = time.monotonic(), settings.poll_seconds
    while not own.is_ready:
        word = own.request.status if own.request else CREATED
        waited = time.monotonic() - started
        if waited >= settings.deadline_seconds:
            raise _too_late(own, word, settings.deadline_seconds)
        progress(f"{own}: {word}", int(waited), int(settings.deadline_seconds))
        sleep(min(pause, settings.deadline_seconds - waited))
        pause = min(pause * POLL_GROWTH, settings.poll_max_seconds)
        own = refresh(api, state, own)
    return own


def _too_late(own: OwnRequest, word: str, deadline_seconds: float) -> SourceUnavailable | SourceRequestFailed:
    known = "" if word in WAITING else ", a word this program does not know"
    kind = SourceUnavailable if word in WAITING else SourceRequestFailed
    return kind(
        f"{own} is still {word!r}{known} after {deadline_seconds:g} s; load again later, or raise "
        "METRIKA_DEADLINE_SECONDS.",
        counter_id=own.order.counter_id, day=own.order.first_date, request_id=own.request_id,
    )  # fmt: skip


def mark_loaded(state: Engine, own: OwnRequest) -> OwnRequest:
    """Note that every row of a request is durably stored; only then may it be cleaned.

    Args:
        state: the state engine.
        own: the request.

    Returns:
        The request.
    """
    loaded = save(state, own, status=LOADED)
    failpoint("request.loaded")
    return loaded
