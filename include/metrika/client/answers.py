"""Metrika's error answers -> the product's error tree. Pure: values in, errors out.

Source:
    "Error codes", "Quotas" pages; status of quota answers differs between pages (420, 429, 403).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from include.days import utc_now
from include.errors import QuotaExceeded, SourceError, SourceRejected, SourceUnavailable

QUOTA_STATUSES = frozenset({420, 429})
DAILY_QUOTAS = frozenset({"quota_requests_by_uid", "quota_requests_by_counter_id"})
HOURLY_QUOTAS = frozenset({"quota_delegate_requests", "quota_grants_requests"})
PARALLEL_QUOTA = "quota_parallel_requests"
RATE_SECONDS = 1.0  # the rate quota is over a rolling second
HOUR_SECONDS = 3600.0
RESET_SLACK_SECONDS = 60.0  # Metrika's clock and ours may differ a little
MESSAGE_CHARACTERS = 300  # enough for any API message, short enough for a log line
_STATUS_NAMES = {status.value: status.phrase for status in HTTPStatus}


class AnswerLost(SourceUnavailable):
    """A call that creates something was sent, and nobody knows whether it was carried out.

    The caller looks at Metrika before it repeats the call.
    """


class ParallelQuota(QuotaExceeded):
    """Too many requests of the login are in flight; one of them has to end first."""


@dataclass(frozen=True)
class ApiCall:
    """What was being asked, for messages.

    Attributes:
        action: what the call does, such as ``create a log request``.
        counter_id: counter of the path; None outside counters.
        request_id: log request or upload of the path.
        is_creating: the call creates something at Metrika, so it is not repeated blindly.
    """

    action: str
    counter_id: int | None = None
    request_id: int | None = None
    is_creating: bool = False

    def __str__(self) -> str:
        """The call in words, for messages and logs."""
        request = f" {self.request_id}" if self.request_id is not None else ""
        counter = f" of counter {self.counter_id}" if self.counter_id is not None else ""
        return f"{self.action}{request}{counter}"


@dataclass(frozen=True)
class ApiFault:
    """An error answer as read.

    Attributes:
        status: HTTP status, or the ``code`` of an error body that came with status 200.
        error_type: first error type, or empty.
        message: the API's message, or the name of the status.
    """

    status: int
    error_type: str
    message: str

    @property
    def is_quota(self) -> bool:
        """Whether some quota is used up, under any of the three documented statuses."""
        return self.status in QUOTA_STATUSES or (
            self.status == HTTPStatus.FORBIDDEN and self.error_type.startswith("quota_")
        )


def read_object(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object.

    Args:
        body: decoded bytes of an answer.

    Returns:
        The object, or None when the body is empty, not JSON, or not an object.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def read_fault(status: int, body: Mapping[str, Any] | None) -> ApiFault | None:
    """Read an answer as an error.

    Args:
        status: HTTP status.
        body: the JSON object of the answer, or None.

    Returns:
        The fault, or None when the answer is a success. An error body counts whatever the status.
    """
    body = body or {}
    errors = body.get("errors")
    if status < HTTPStatus.MULTIPLE_CHOICES and not errors:
        return None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = body.get("code")
    if status < HTTPStatus.MULTIPLE_CHOICES:
        status = code if isinstance(code, int) else HTTPStatus.BAD_GATEWAY
    text = first.get("message") or body.get("message") or _STATUS_NAMES.get(status, "no message")
    return ApiFault(status, str(first.get("error_type") or ""), " ".join(str(text).split())[:MESSAGE_CHARACTERS])


def seconds_to_reset(now: dt.datetime) -> float:
    """How long until the daily quotas begin anew at 00:00 GMT.

    Args:
        now: aware instant.

    Returns:
        Seconds, with a little slack for different clocks.
    """
    utc = now.astimezone(dt.UTC)
    midnight = (utc + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - utc).total_seconds() + RESET_SLACK_SECONDS


def to_error(fault: ApiFault, call: ApiCall, now: dt.datetime | None = None) -> SourceError:
    """Choose the error of the tree that an error answer means.

    Args:
        fault: the answer.
        call: what was asked.
        now: aware instant, for the daily quota; the clock when None.

    Returns:
        The error to raise.
    """
    if fault.is_quota:
        return _quota(fault, call, now or utc_now())
    said = f"{fault.status} {fault.error_type}".strip() + f": {fault.message}"
    if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unavailable(call, f"answered {said}")
    return SourceRejected(
        f"Metrika refused to {call} ({said}).{_advice(fault, call)}",
        status=fault.status, error_type=fault.error_type,
        counter_id=call.counter_id, request_id=call.request_id,
    )  # fmt: skip


def unavailable(call: ApiCall, cause: str, *, is_sent: bool = True) -> SourceUnavailable:
    """The error of a call that got no usable answer.

    Args:
        call: what was asked.
        cause: what happened instead, as the end of "Metrika ...".
        is_sent: the request may have reached Metrika.

    Returns:
        AnswerLost for a creating call that may have been carried out, else SourceUnavailable.
    """
    kind = AnswerLost if call.is_creating and is_sent else SourceUnavailable
    return kind(
        f"Metrika {cause} when asked to {call}; try again later, and check METRIKA_API_URL if it persists.",
        counter_id=call.counter_id, request_id=call.request_id,
    )  # fmt: skip


def _quota(fault: ApiFault, call: ApiCall, now: dt.datetime) -> QuotaExceeded:
    kind, is_daily, wait_seconds, advice = QuotaExceeded, False, RATE_SECONDS, "fewer requests at once help"
    if fault.error_type in DAILY_QUOTAS:
        is_daily, wait_seconds, advice = True, seconds_to_reset(now), "it begins anew at 00:00 GMT"
    elif fault.error_type in HOURLY_QUOTAS:
        wait_seconds, advice = HOUR_SECONDS, "it begins anew within an hour"
    elif fault.error_type == PARALLEL_QUOTA:
        kind = ParallelQuota
    return kind(
        f"Metrika's quota {fault.error_type or fault.status} is used up when asked to {call} "
        f"({fault.message}); {advice}.",
        wait_seconds=wait_seconds, is_daily=is_daily, counter_id=call.counter_id,
    )  # fmt: skip


def _advice(fault: ApiFault, call: ApiCall) -> str:
    where = "METRIKA_TOKEN or the connection metrika_default"
    if fault.status == HTTPStatus.UNAUTHORIZED or fault.error_type == "invalid_token":
        return f" The token is wrong or has expired: put a valid OAuth token into {where}."
    if fault.status == HTTPStatus.FORBIDDEN:
        return (
            f" The token has no access to counter {call.counter_id}, or the counter does not exist: check "
            f"METRIKA_COUNTER, or put the token of a user with access into {where}."
        )
    if fault.status == HTTPStatus.NOT_FOUND and call.request_id is None:
        return f" Counter {call.counter_id} is not known to Metrika: check METRIKA_COUNTER."
    return ""


def refused_fields(error: SourceRejected, names: Sequence[str]) -> tuple[str, ...]:
    """Which of the requested fields a 400 answer complains about.

    Args:
        error: the refusal.
        names: API names as requested.

    Returns:
        The names that stand in the message as whole words; empty when it is about something else.
    """
    if error.status != HTTPStatus.BAD_REQUEST:
        return ()
    return tuple(name for name in names if re.search(rf"{re.escape(name)}(?![A-Za-z0-9_])", error.message))
