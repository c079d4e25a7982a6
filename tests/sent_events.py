"""Events as senders write them, and the rules they are held against, for tests of the envelope."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

from include.events.apps.rules import ProjectRules
from include.events.envelope.checking import check_events
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.envelope.verdicts import Accepted, Rejected, Verdict
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema
from include.events.tables import INBOX_COLUMNS

RECEIVED_AT = dt.datetime(2026, 3, 3, 12, 0, 0, 123456, tzinfo=dt.UTC)
RECEIPT_ID = uuid.UUID("11111111-2222-4333-8444-555555555555")
USER_ID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
COURSE_ID = "0b0c9ab4-3a4a-4f64-8a7b-7d0a0f0e0c11"
SENDER = Sender("key:1", "server")

PURCHASE = EventSchema(
    "purchase",
    "purchase-1",
    3,
    (
        Attribute("product", AttributeType.STRING, max_length=10),
        Attribute("quantity", AttributeType.INTEGER, is_required=True),
        Attribute("price", AttributeType.NUMBER),
        Attribute("size", AttributeType.ENUM, values=("s", "m")),
    ),
)


def project_rules(mode: str = "lenient", time_zone: str = "UTC", max_age_days: int = 90) -> ProjectRules:
    """Rules of a project that knows the event ``purchase`` and, without attributes, ``page_view``."""
    page_view = EventSchema("page_view", "page_view-1", 1, ())
    return ProjectRules(
        project="default",
        project_number=0,
        mode=mode,
        time_zone=ZoneInfo(time_zone),
        max_age_days=max_age_days,
        aliases={"view_page": "page_view"},
        schemas={"purchase": PURCHASE, "page_view": page_view},
        revision=1,
    )


def learning(**changes: Any) -> dict[str, Any]:
    """A learning event; a change to ... takes the field away."""
    event = {
        "id": "e-1",
        "user_id": USER_ID,
        "course_id": COURSE_ID,
        "module_id": "m-1",
        "event_type": "page_view",
        "timestamp": "2026-03-03T11:59:00Z",
        "payload": {},
    }
    return _changed(event, changes)


def envelope(**changes: Any) -> dict[str, Any]:
    """An event in the envelope."""
    event = {
        "event_id": "e-2",
        "event_name": "purchase",
        "occurred_at": "2026-03-03T11:59:00Z",
        "subject": {"user_id": USER_ID},
        "props": {"quantity": 2},
    }
    return _changed(event, changes)


def device(**changes: Any) -> dict[str, Any]:
    """A device message."""
    event = {
        "event_id": "e-3",
        "user_code": "u-1",
        "event_name": "purchase",
        "occurred_at": "2026-03-03T11:59:00Z",
        "attrs": {"quantity": 2},
    }
    return _changed(event, changes)


def activity(**changes: Any) -> dict[str, Any]:
    """An activity of the shop."""
    event = {
        "id": "e-4",
        "action_type": "page_view",
        "customer_id": 3,
        "timestamp": "2026-03-03T11:59:00Z",
    }
    return _changed(event, changes)


def judge(
    *events: Any,
    rules: ProjectRules | None = None,
    sender: Sender = SENDER,
    shape: Shape | None = None,
    received_at: dt.datetime = RECEIVED_AT,
    sent_at: dt.datetime | None = None,
    pointer: str | None = "/events",
) -> list[Verdict]:
    """Hold events against the rules."""
    return check_events(
        list(events),
        shape=shape,
        rules=rules or project_rules(),
        sender=sender,
        receipt_id=RECEIPT_ID,
        received_at=received_at,
        sent_at=sent_at,
        pointer=pointer,
    )


def accepted(event: Any, **how: Any) -> Accepted:
    """The verdict of an event that must be accepted."""
    (verdict,) = judge(event, **how)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def rejected(event: Any, **how: Any) -> Rejected:
    """The verdict of an event that must be rejected."""
    (verdict,) = judge(event, **how)
    assert isinstance(verdict, Rejected), verdict
    return verdict


def fields_of(verdict: Accepted) -> dict[str, str]:
    """Fields of a line by name of column, still escaped."""
    assert verdict.line.endswith(b"\n")
    found = verdict.line[:-1].decode().split("\t")
    return dict(zip([column.name for column in INBOX_COLUMNS], found, strict=True))


def _changed(event: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (event | changes).items() if value is not ...}
