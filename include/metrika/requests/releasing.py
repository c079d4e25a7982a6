"""Giving back what own log requests occupy at Metrika: clean, cancel, and the janitor (M9)."""

from __future__ import annotations

import datetime as dt
import logging
from http import HTTPStatus

from sqlalchemy import Engine

from include.errors import SourceRejected
from include.failpoints import failpoint
from include.metrika.client.logs_api import FAILED, PROCESSED, LogRequest, LogsApi
from include.metrika.requests.order_rows import (
    RELEASED,
    OwnRequest,
    close,
    read_own,
    run_requests,
    stale_requests,
    stored_ids,
)

logger = logging.getLogger(__name__)

GONE = "gone"  # our word for a request that Metrika does not know any more


def find_unstored(api: LogsApi, state: Engine, own: OwnRequest) -> tuple[LogRequest | None, int]:
    """Look for a request whose create was sent but whose answer was never stored.

    The list names no owner: ours matches exactly, lies above the floor, and is no other row's.

    Args:
        api: the Logs API.
        state: the state engine.
        own: a row without an id of Metrika.

    Returns:
        The request, or None; and the highest id listed, 0 when the list is empty.
    """
    listed = api.list(own.order.counter_id)
    highest = max((request.request_id for request in listed), default=0)
    taken = stored_ids(state, own.order.counter_id)
    candidates = [
        request
        for request in listed
        if request.request_id > own.floor_request_id
        and request.request_id not in taken
        and request.status not in FAILED
        and request.matches(own.order)
    ]
    return min(candidates, key=lambda request: request.request_id, default=None), highest


def release(api: LogsApi, state: Engine, own: OwnRequest) -> bool:
    """Clean a processed request, cancel a pending one; only own ones; may be repeated.

    Args:
        api: the Logs API.
        state: the state engine.
        own: the request.

    Returns:
        True when nothing of it is left at Metrika; False when Metrika does not let go of it yet, and
        the janitor has to come again.

    Raises:
        SourceError: Metrika cannot be asked; the row stays open for the janitor.
    """
    stored = read_own(state, own.order_id)
    if stored is None or stored.released_at is not None:
        return True
    request_id = stored.request_id
    if request_id is None:
        request, _ = find_unstored(api, state, stored)
        request_id = request.request_id if request else None
    word = _let_go(api, stored.order.counter_id, request_id, own.request) if request_id else GONE
    failpoint("request.cleaned")
    if word not in FAILED and word != GONE:
        logger.warning("%s is %r and cannot be freed yet", own, word)
        return False
    close(state, stored, RELEASED, word)
    failpoint("request.released")
    return True


def _let_go(api: LogsApi, counter_id: int, request_id: int, seen: LogRequest | None) -> str:
    """Free a request and tell its last status; asks for the status only when it is not known."""
    try:
        status = seen.status if seen and seen.request_id == request_id else api.get(counter_id, request_id).status
        for _ in range(2):  # it may be finished by Metrika between the look and the cancel
            if status in FAILED:
                return status
            try:
                act = api.clean if status == PROCESSED else api.cancel
                return act(counter_id, request_id).status
            except SourceRejected as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return GONE
            status = api.get(counter_id, request_id).status
    except SourceRejected as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return GONE
    return status


def release_stale(api: LogsApi, state: Engine, counter_id: int, older_than: dt.timedelta) -> int:
    """Free own requests that no run works on any more: the janitor.

    Args:
        api: the Logs API.
        state: the state engine.
        counter_id: the counter.
        older_than: requests ordered longer ago belong to finished or dead runs; requests whose rows
            are stored are freed at any age.

    Returns:
        How many were freed.

    Raises:
        SourceError: Metrika cannot be asked at all; single refusals are logged and passed over.
    """
    freed = 0
    for own in stale_requests(state, counter_id, older_than):
        try:
            freed += release(api, state, own)
        except SourceRejected as error:
            logger.warning("%s could not be freed: %s", own, error.message)
    if freed:
        logger.info("freed %d leaked log requests of counter %d", freed, counter_id)
    return freed


def release_run(api: LogsApi, state: Engine, run_id: str) -> int:
    """Give back everything a run still holds, whatever became of the run.

    Args:
        api: the Logs API.
        state: the state engine.
        run_id: the run.

    Returns:
        How many requests were still held.

    Raises:
        SourceError: Metrika does not answer; the rest stays for housekeeping.
    """
    held = run_requests(state, run_id)
    for own in held:
        release(api, state, own)
    return len(held)
