"""Routes that take one event: the message of a device, an activity of a shop."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Query, Request, Response

from include.accounts.roles import ADMIN
from include.accounts.scopes import INGEST
from include.api.events.activity_view import activity_of
from include.api.events.answers import JSON_TYPE, refused_response, replayed
from include.api.events.bodies import ACTIVITY_BODY, DEVICE_BODY
from include.api.events.desk import IntakeDesk, Posting
from include.api.events.shapes import ActivityAnswer, DeviceAnswer
from include.api.gate.callers import Caller, CallerKind
from include.api.gate.policies import EVENTS_ANCHOR, EVENTS_BODY, Rules, keys_only, write
from include.api.gate.routing import Routes
from include.events.envelope.reading import read_event
from include.events.envelope.shapes import Shape
from include.events.intake.batches import REJECTED, STORED_STATUS, Outcome

DEVICE = Posting(read_event, Shape.DEVICE, "mobile", goes_to_topic=True)
WEB_ACTIVITY = Posting(read_event, Shape.ACTIVITY, "web")
SERVER_ACTIVITY = Posting(read_event, Shape.ACTIVITY, "server")
ERRORS = (404, 413, 429)

ProjectQuery = Annotated[
    str | None,
    Query(max_length=200, description="Project of the shop, for accounts and operators.", examples=["default"]),
]


def add_routes(routes: Routes, desk: IntakeDesk) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        desk: takes the events in.
    """
    posting = SinglePosting(desk)
    routes.add(
        "POST",
        "/apps/{app_code}",
        posting.device,
        Rules(keys_only(INGEST), body=EVENTS_BODY),
        errors=ERRORS,
        response_model=DeviceAnswer,
        openapi_extra=DEVICE_BODY,
        summary="Send one event of a device",
        tags=["apps"],
    )
    routes.add(
        "POST",
        "/api/activities",
        posting.activity,
        Rules(write(EVENTS_ANCHOR).also(roles={ADMIN}, scope=INGEST), body=EVENTS_BODY),
        errors=ERRORS,
        status_code=201,
        response_model=ActivityAnswer,
        openapi_extra=ACTIVITY_BODY,
        summary="Record an activity of a shop's customer",
        tags=["activities"],
    )


class SinglePosting:
    """Endpoints of single events.

    Args:
        desk: takes the events in.
    """

    def __init__(self, desk: IntakeDesk) -> None:
        self._desk = desk

    def device(self, request: Request, app_code: str) -> Response:
        """Take in one message of a device; the answer comes when it is on the disk."""
        outcome, _ = self._desk.take(request, DEVICE, app_code)
        verdict = outcome.verdicts[0]
        if outcome.status != STORED_STATUS:
            return _refused(request, outcome)
        body = {
            "status": verdict["verdict"],
            "event_id": verdict["event_id"],
            "receipt_id": str(outcome.receipt_id),
            "warnings": verdict.get("warnings", []),
        }
        return Response(orjson.dumps(body), 200, headers=replayed(outcome), media_type=JSON_TYPE)

    def activity(self, request: Request, project: ProjectQuery = None) -> Response:
        """Record one activity: what a customer, or somebody unknown, did in the shop."""
        caller: Caller = request.state.caller
        posting = WEB_ACTIVITY if caller.kind is CallerKind.KEY else SERVER_ACTIVITY
        outcome, document = self._desk.take(request, posting, project)
        if outcome.status != STORED_STATUS:
            return _refused(request, outcome)
        body = activity_of(document.events[0], outcome)
        return Response(orjson.dumps(body), 201, headers=replayed(outcome), media_type=JSON_TYPE)


def _refused(request: Request, outcome: Outcome) -> Response:
    verdict = next(verdict for verdict in outcome.verdicts if verdict["verdict"] == REJECTED)
    said: dict[str, Any] = {
        "pointer": verdict["pointer"],
        "quarantine_id": verdict["quarantine_id"],
        "receipt_id": str(outcome.receipt_id),
    }
    return refused_response(request, outcome, said)
