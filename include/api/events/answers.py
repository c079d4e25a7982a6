"""Bodies of answers about batches."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
from fastapi import Request, Response

from include.api.gate.problems import PROBLEM_TYPE, Invalid, problem
from include.events.intake.batches import ACCEPTED, REJECTED, STORED_STATUS, Outcome

JSON_TYPE = "application/json"
REPLAYED = {"Idempotency-Replayed": "true"}


def batch_response(request: Request, outcome: Outcome, *, is_short: bool) -> Response:
    """Answer a batch.

    Args:
        request: the request.
        outcome: what became of its events.
        is_short: leave out the verdicts of events that were accepted without a warning.

    Returns:
        202, or 422 as a problem that carries the same body.
    """
    body = _batch_body(outcome, is_short=is_short)
    if outcome.status == STORED_STATUS:
        return Response(orjson.dumps(body), outcome.status, headers=replayed(outcome), media_type=JSON_TYPE)
    return refused_response(request, outcome, body)


def refused_response(request: Request, outcome: Outcome, body: dict[str, Any]) -> Response:
    """Answer that every event was rejected.

    Args:
        request: the request.
        outcome: what became of its events.
        body: what the answer says beside the problem.

    Returns:
        422.
    """
    faults = [
        {"loc": ["body", *_steps(verdict["pointer"])], "msg": verdict["message"], "type": verdict["code"]}
        for verdict in outcome.verdicts
        if verdict["verdict"] == REJECTED
    ]
    said = problem(Invalid(faults), instance=request.scope["path"], request_id=request.state.request_id)
    content = orjson.dumps({**orjson.loads(bytes(said.body)), **body})
    return Response(content, outcome.status, headers=replayed(outcome), media_type=PROBLEM_TYPE)


def replayed(outcome: Outcome) -> dict[str, str]:
    """Give the header of an answer that was given before; none for a first answer."""
    return dict(REPLAYED) if outcome.is_replayed else {}


def written(instant: dt.datetime | None) -> str | None:
    """Write a moment for an answer.

    Args:
        instant: aware, or None.

    Returns:
        RFC 3339 in UTC with microseconds, or None.
    """
    return None if instant is None else instant.astimezone(dt.UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _batch_body(outcome: Outcome, *, is_short: bool) -> dict[str, Any]:
    verdicts: Any = orjson.Fragment(outcome.verdicts_json)
    if is_short:
        verdicts = [one for one in outcome.verdicts if one["verdict"] != ACCEPTED or one["warnings"]]
    return {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": outcome.rejected,
        "receipt_id": str(outcome.receipt_id),
        "received_at": written(outcome.received_at),
        "verdicts": verdicts,
    }


def _steps(pointer: str) -> list[str | int]:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return [int(step) if step.isdecimal() and step.isascii() else step for step in steps]
