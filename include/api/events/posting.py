"""Routes that take batches of events."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request, Response

from include.accounts.roles import ANYONE
from include.accounts.scopes import INGEST
from include.api.events.answers import batch_response
from include.api.events.bodies import BATCH_BODY, LEARNING_BODY
from include.api.events.desk import IntakeDesk, Posting
from include.api.events.shapes import BatchAnswer
from include.api.gate.policies import EVENTS_ANCHOR, EVENTS_BODY, Rules, keys_only, write
from include.api.gate.routing import Routes
from include.events.envelope.reading import read_events

LEARNING = Posting(read_events, None, "server")
MOBILE = Posting(read_events, None, "mobile")
ERRORS = (404, 413, 429)

VerdictsQuery = Annotated[
    Literal["all", "problems"],
    Query(description="problems: leave out events that were accepted without a warning.", examples=["all"]),
]
ProjectQuery = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Project the events go to, for accounts and operators; default without.",
        examples=["default"],
    ),
]


def add_routes(routes: Routes, desk: IntakeDesk) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        desk: takes the events in.
    """
    posting = BatchPosting(desk)
    routes.add(
        "POST",
        "/api/v1/events",
        posting.learning,
        Rules(write(EVENTS_ANCHOR).also(roles=ANYONE, scope=INGEST), body=EVENTS_BODY),
        errors=ERRORS,
        status_code=202,
        response_model=BatchAnswer,
        openapi_extra=LEARNING_BODY,
        summary="Send events",
        tags=["events"],
    )
    routes.add(
        "POST",
        "/apps/{app_code}/batch",
        posting.batch,
        Rules(keys_only(INGEST), body=EVENTS_BODY),
        errors=ERRORS,
        status_code=202,
        response_model=BatchAnswer,
        openapi_extra=BATCH_BODY,
        summary="Send a batch of events of an app",
        tags=["events"],
    )


class BatchPosting:
    """Endpoints of batches.

    Args:
        desk: takes the events in.
    """

    def __init__(self, desk: IntakeDesk) -> None:
        self._desk = desk

    def learning(self, request: Request, project: ProjectQuery = None, verdicts: VerdictsQuery = "all") -> Response:
        """Take in 1 to 5000 events, as learning events or in the envelope.

        The answer comes when everything is on the disk: a verdict for each event - accepted, duplicate, or rejected
        with the reason. Send the same batch again whenever no answer came; nothing is stored twice.
        """
        outcome, _ = self._desk.take(request, LEARNING, project)
        return batch_response(request, outcome, is_short=verdicts == "problems")

    def batch(self, request: Request, app_code: str, verdicts: VerdictsQuery = "all") -> Response:
        """Take in 1 to 5000 events of one app, with the clock of the sender in sent_at."""
        outcome, _ = self._desk.take(request, MOBILE, app_code)
        return batch_response(request, outcome, is_short=verdicts == "problems")
