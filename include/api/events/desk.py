"""Where all routes that send events hand them in: limits first, then one batch to intake."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import Request
from sqlalchemy import Engine

from include.api.apps.access import app_unknown
from include.api.context import ApiContext
from include.api.events.pauses import settle_heap
from include.api.events.senders import project_of, sender_of
from include.api.gate.callers import Caller
from include.api.gate.problems import Refusal, invalid
from include.days import utc_now
from include.errors import InputError
from include.events.apps.rules import RulesCache
from include.events.envelope.reading import Document
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch, Outcome
from include.events.intake.buckets import Allowance, Buckets
from include.events.intake.keys import body_key, request_key
from include.events.intake.receipt_rows import MISMATCH
from include.events.intake.room import InboxRoom
from include.events.intake.taking_in import take_in
from include.events.intake.turns import Turns
from include.events.kafka.forwarding import forward
from include.settings.intake import KAFKA, IntakeSettings

KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
STATUSES = {"invalid_json": 400, "batch_too_large": 413}


@dataclass(frozen=True)
class Limits:
    """What this process holds all senders to.

    Attributes:
        settings: of intake.
        requests: buckets of requests.
        events: buckets of events.
        turns: batches worked on at once.
        room: how full the inbox is.
    """

    settings: IntakeSettings
    requests: Buckets
    events: Buckets
    turns: Turns
    room: InboxRoom


@dataclass(frozen=True)
class Posting:
    """How a route takes its events.

    Attributes:
        read: reads the body.
        shape: how its events are written; None when each tells by itself.
        source: source of events that name none.
        goes_to_topic: its one event goes to Kafka where that is the transport.
    """

    read: Callable[[bytes], Document]
    shape: Shape | None
    source: str
    goes_to_topic: bool = False


class IntakeDesk:
    """Shared by the routes that send events.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._rules = RulesCache()
        self._limits: Limits | None = None
        self._opening = threading.Lock()

    @property
    def limits(self) -> Limits:
        """The limits, read from the settings by the first request."""
        with self._opening:
            if self._limits is None:
                settle_heap()
                settings = self._context.settings.intake
                self._limits = Limits(
                    settings,
                    Buckets(settings.key_requests_per_second),
                    Buckets(settings.key_events_per_second),
                    Turns(),
                    InboxRoom(settings),
                )
            return self._limits

    def take(self, request: Request, posting: Posting, project: str | None) -> tuple[Outcome, Document]:
        """Take in the events of a request.

        Args:
            request: with its caller and body.
            posting: how the route takes its events.
            project: project named in the request, or None.

        Returns:
            What became of them, and the body as read.

        Raises:
            Refusal: the request cannot be read or may not be made, or the caller sends too much.
            StoreBusy: nothing can be taken in right now.
            StoreUnavailable: PostgreSQL does not answer.
        """
        caller: Caller = request.state.caller
        limits = self.limits
        _require(limits.requests.take(caller.name, 1), "requests")
        with limits.turns.turn():
            document = _read(posting, request.state.body)
            _require(limits.events.take(caller.name, len(document.events)), "events")
            engine = self._context.stores.state
            limits.room.require(engine)
            batch = self._batch(request, posting, project_of(caller, project), document, engine)
            if not posting.goes_to_topic or limits.settings.transport != KAFKA:
                return self._taken(engine, batch, limits), document
        # Outside of the turn: while a broker does not answer, nobody else has to wait, and nobody is sent away.
        forwarded = forward(batch, limits.settings.kafka)
        if isinstance(forwarded, Outcome):
            return forwarded, document
        if forwarded is not batch:
            return self._taken(engine, forwarded, limits), document
        with limits.turns.turn():
            return self._taken(engine, batch, limits), document

    def _taken(self, engine: Engine, batch: Batch, limits: Limits) -> Outcome:
        try:
            outcome = take_in(engine, batch, settings=limits.settings)
        except InputError as error:
            if error.code != MISMATCH:
                raise
            raise invalid(error.pointer, error.message, error.code, place="header") from None
        if not outcome.is_replayed:
            limits.room.add(outcome.size_bytes, outcome.accepted)
        return outcome

    def _batch(self, request: Request, posting: Posting, project: str, document: Document, engine: Engine) -> Batch:
        rules = self._rules.get(engine, project)
        if rules is None:
            raise app_unknown()
        body: bytes = request.state.body
        path = _path(request)
        sha256 = hashlib.sha256(body).digest()
        key = _idempotency_key(request)
        has_ids = key is None and all(carries_id(event) for event in document.events)
        return Batch(
            rules=rules,
            sender=sender_of(engine, request.state.caller, project, source=posting.source),
            events=document.events,
            shape=posting.shape,
            sent_at=document.sent_at,
            received_at=utc_now(),
            receipt_id=uuid4(),
            body_sha256=sha256,
            request_key=request_key(request.method, path, project, key) if key else None,
            body_key=body_key(path, project, sha256) if has_ids else None,
            pointer=document.pointer,
        )


def carries_id(event: Any) -> bool:
    """Say whether an event names itself.

    Args:
        event: as parsed.

    Returns:
        True when it has an id, so that sending it again is noticed.
    """
    return isinstance(event, dict) and (isinstance(event.get("id"), str) or isinstance(event.get("event_id"), str))


def _read(posting: Posting, body: bytes) -> Document:
    try:
        return posting.read(body)
    except InputError as error:
        status = STATUSES.get(error.code)
        if status is None:
            raise
        raise Refusal(status, error.code, error.message) from None


def _path(request: Request) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY_FORM.fullmatch(key):
        raise invalid(
            "/Idempotency-Key", "Give 1 to 255 visible ASCII characters.", "bad_idempotency_key", place="header"
        )
    return key


def _require(allowance: Allowance, what: str) -> None:
    if allowance.is_granted:
        return
    raise Refusal(
        429,
        "rate_limited",
        f"You may send {allowance.limit:g} {what} per second; wait a little.",
        retry_after_seconds=allowance.wait_seconds,
        headers={
            "RateLimit-Limit": f"{allowance.limit:g}",
            "RateLimit-Remaining": str(allowance.remaining),
            "RateLimit-Reset": f"{max(1, round(allowance.reset_seconds))}",
        },
    )
