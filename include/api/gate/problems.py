"""Answers that say no: one body for all of them (RFC 9457), with the seeds' ``detail`` inside."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from include.errors import CounterflowError

PROBLEM_TYPE = "application/problem+json"
TITLES = {
    "invalid_json": "Invalid JSON",
    "parameter_missing": "Required parameter missing",
    "unauthorized": "Not authenticated",
    "forbidden": "Not allowed",
    "csrf": "Cross-site request refused",
    "key_scope": "Scope of the key missing",
    "key_app_mismatch": "Key of another app",
    "role_not_allowed": "Role not allowed",
    "course_not_yours": "Course of another teacher",
    "registration_closed": "Registration closed",
    "invalid_credentials": "Wrong email or password",
    "invalid_token": "Token refused",
    "invalid_refresh": "Refresh token refused",
    "refresh_reused": "Refresh token used twice",
    "refresh_race": "Refresh token just used",
    "email_taken": "Email taken",
    "last_admin": "Last admin",
    "account_unknown": "Unknown account",
    "app_exists": "App exists",
    "app_unknown": "Unknown app",
    "event_unknown": "Unknown event",
    "key_unknown": "Unknown key",
    "key_not_active": "Key no longer active",
    "too_many_keys": "Too many keys",
    "project_unknown": "Unknown project",
    "incompatible_schema": "Incompatible schema",
    "too_many_events": "Too many events",
    "alias_taken": "Alias taken",
    "rate_limited": "Too many requests",
    "overloaded": "Too much at once",
    "busy": "Others are in the way",
    "inbox_full": "The inbox is full",
    "store_full": "The disk is full",
    "too_many_attempts": "Too many failed sign-ins",
    "course_unknown": "Unknown course",
    "user_unknown": "Unknown user",
    "unknown_metric": "Unknown metric",
    "version_unknown": "Unknown version of a metric",
    "bad_period": "Impossible period",
    "bad_time": "Not a time",
    "bad_grain": "Unknown grain",
    "ambiguous_project": "Several projects have this course",
    "conflicting_input": "Contradictory input",
    "receipt_unknown": "Unknown receipt",
    "activity_unknown": "Unknown activity",
    "no_session": "Activity without a session",
    "batch_too_large": "Batch too large",
    "not_found": "Not found",
    "task_unknown": "Unknown task",
    "upload_unknown": "Unknown upload",
    "conversion_unknown": "Unknown conversion",
    "method_not_allowed": "Method not allowed",
    "not_acceptable": "Not acceptable",
    "body_too_large": "Body too large",
    "unsupported_media_type": "Unsupported media type",
    "validation": "Invalid request",
    "ambiguous_task": "Several runs have this id",
    "task_not_finished": "Task not finished",
    "task_failed": "Task failed",
    "already_sent": "Already sent",
    "still_sending": "Still sending",
    "model_unknown": "Unknown model",
    "plot_unknown": "Unknown plot",
    "model_unusable": "The file cannot be used",
    "no_version_before": "No version to go back to",
    "other_version_decides": "Another version decides",
    "idempotency_running": "First request still running",
    "internal": "Internal server error",
    "unavailable": "Temporarily unavailable",
    "not_configured": "Not configured",
    "quota": "Metrika's quota is used up",
}
INTERNAL_DETAIL = "Internal server error"


class Refusal(CounterflowError):
    """A request that is answered with a problem.

    Args:
        status: HTTP status.
        code: short machine-readable reason.
        detail: one sentence.
        retry_after_seconds: when another try may help; None when it cannot.
        headers: further headers.
        pointer: JSON pointer of the wrong value; given for status 422.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        pointer: str = "",
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.pointer = status, code, pointer
        wait = {} if retry_after_seconds is None else {"Retry-After": str(max(1, math.ceil(retry_after_seconds)))}
        self.headers = {**wait, **(headers or {})}


class Invalid(Refusal):
    """A well-formed request with wrong values, answered with 422 and a list.

    Args:
        faults: ``loc``, ``msg`` and ``type`` of each.
    """

    def __init__(self, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(422, "validation", "The request holds wrong values.")
        self.faults = [{"loc": list(fault["loc"]), "msg": fault["msg"], "type": fault["type"]} for fault in faults]


def invalid(pointer: str, message: str, code: str, *, place: str = "body") -> Invalid:
    """Make the refusal of one wrong value.

    Args:
        pointer: JSON pointer of the value, for example ``/date``.
        message: one sentence.
        code: short machine-readable reason.
        place: body, query or path.

    Returns:
        The refusal.
    """
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    return Invalid([{"loc": [place, *steps], "msg": message, "type": code}])


def forbidden(detail: str = "You may not do this.") -> Refusal:
    """Refuse a known caller.

    Args:
        detail: one sentence.

    Returns:
        The refusal; a new one each time, for a raised error keeps its trace.
    """
    return Refusal(403, "forbidden", detail)


def not_found(detail: str = "There is nothing at this address.", code: str = "not_found") -> Refusal:
    """Refuse because there is no such object, or none the caller may know of.

    Args:
        detail: one sentence, equal for both.
        code: short machine-readable reason.

    Returns:
        The refusal.
    """
    return Refusal(404, code, detail)


def problem(refusal: Refusal, *, instance: str, request_id: str) -> Response:
    """Build the answer of a refusal.

    Args:
        refusal: what went wrong.
        instance: path asked for.
        request_id: id of the request.

    Returns:
        The answer.
    """
    code = refusal.code
    extra: dict[str, Any] = {}
    if isinstance(refusal, Invalid):
        faults = refusal.faults
        code = faults[0]["type"] if len({fault["type"] for fault in faults}) == 1 else refusal.code
        extra = {
            "detail": faults,
            "errors": [
                {"pointer": _pointer(fault["loc"]), "code": fault["type"], "message": fault["msg"]} for fault in faults
            ],
        }
    if refusal.status == 500:
        extra = {"error": request_id}
    body = {
        "type": f"urn:counterflow:{code}",
        "title": TITLES.get(code) or TITLES.get(refusal.code) or "Request refused",
        "status": refusal.status,
        "detail": refusal.message,
        "instance": instance,
        "code": code,
        "request_id": request_id,
        **extra,
    }
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, refusal.status, headers=refusal.headers, media_type=PROBLEM_TYPE)


def _pointer(loc: Sequence[Any]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in loc[1:])
