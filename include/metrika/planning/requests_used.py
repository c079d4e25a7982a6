"""How much of Metrika's quota a backfill uses; pure arithmetic.

Source:
    "Quotas" page: 5000 requests a day per login and per counter, from 00:00 GMT; 10 a second for the
    Logs API; 3 at a time.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from include.metrika.client.quota import LOGS, RATES
from include.metrika.requests.own_requests import POLL_GROWTH
from include.settings import MetrikaSettings

DAILY_REQUESTS = 5000
KEPT_SHARE = 0.1  # of the day's requests, for the daily runs that go on beside a backfill
LOAD_REQUESTS = 1  # show the counter
ORDER_REQUESTS = 5  # evaluate, list, create, show, clean
SHORTEST_PAUSE_SECONDS = 0.01
POKE_SECONDS = 60.0  # between looks of the scheduler, as the DAG has it unless told otherwise
UPLOAD_REQUESTS = 4  # goal, list, upload, what became of it


def count_polls(queue_seconds: float, settings: MetrikaSettings) -> int:
    """How often a request is asked about until it is prepared.

    Args:
        queue_seconds: from the order to the question that found it prepared.
        settings: the pauses between questions.

    Returns:
        Questions after the first look.

    >>> count_polls(48.0, MetrikaSettings())  # after 10, 25 and 47.5 seconds
    3
    """
    count, waited, pause = 0, 0.0, max(settings.poll_seconds, SHORTEST_PAUSE_SECONDS)
    longest = min(queue_seconds, settings.deadline_seconds)
    while waited + pause <= longest:
        waited += pause
        count += 1
        pause = min(pause * POLL_GROWTH, max(settings.poll_max_seconds, pause))
    return count


def count_load_requests(order_count: float, part_count: float, poll_count: int) -> int:
    """Requests of one load by command, from showing the counter to cleaning the last log.

    Args:
        order_count: logs it orders.
        part_count: parts they come in.
        poll_count: questions until they are prepared.

    Returns:
        Requests.
    """
    return round(LOAD_REQUESTS + ORDER_REQUESTS * order_count + part_count + poll_count)


def count_scheduled_requests(order_count: float, part_count: float, queue_seconds: float) -> int:
    """Requests of one load by the scheduler: a task that plans, one that looks again and again, one that loads.

    Args:
        order_count: logs it orders.
        part_count: parts they come in.
        queue_seconds: how long they are prepared.

    Returns:
        Requests.
    """
    looks = math.ceil(queue_seconds / POKE_SECONDS) + 1
    looking = looks * (LOAD_REQUESTS + 3 * order_count) + order_count  # evaluate, show, show; the first also orders
    loading = LOAD_REQUESTS + 4 * order_count + part_count  # evaluate, show twice, clean
    return round(LOAD_REQUESTS + looking + loading)


def usable_a_day(kept_share: float = KEPT_SHARE) -> int:
    """Requests a backfill may use on one day.

    Args:
        kept_share: share (0-1) left to other runs.

    Returns:
        Requests.

    >>> usable_a_day()
    4500
    """
    return int(DAILY_REQUESTS * (1 - kept_share))


def least_seconds(request_count: float) -> float:
    """The time that many requests take at least, by the rate the shared quota allows.

    Args:
        request_count: requests.

    Returns:
        Seconds.
    """
    return request_count / RATES[LOGS]


def cut_days(requests_by_day: Mapping[dt.date, float], limit: int) -> tuple[tuple[dt.date, ...], ...]:
    """Cut the days of a backfill into pieces: consecutive, each within a day's quota.

    Args:
        requests_by_day: requests that each day takes, of all counters of the login.
        limit: most requests of a piece, at least 1.

    Returns:
        Pieces in order; a day that alone is above the limit is a piece of its own.
    """
    pieces: list[list[dt.date]] = []
    used = 0.0
    for day in sorted(requests_by_day):
        is_next = bool(pieces) and (day - pieces[-1][-1]).days == 1
        if not is_next or used + requests_by_day[day] > limit:
            pieces.append([])
            used = 0.0
        pieces[-1].append(day)
        used += requests_by_day[day]
    return tuple(map(tuple, pieces))


def quota_days(requests: Sequence[float], limit: int) -> int:
    """Days of quota that a backfill takes.

    Args:
        requests: requests per piece or counter.
        limit: most requests of one day.

    Returns:
        Days, at least 1 when there is anything to ask.

    >>> quota_days([8760], 4500)
    2
    """
    return math.ceil(sum(requests) / limit)
