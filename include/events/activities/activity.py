"""One activity, from what is stored of its event."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What learning systems and Metrika send is no activity of a shop.
OTHER_SOURCES = ("lms", "metrika")
STORED_COLUMNS = ("event_id", "sent_name", "source", "event_time", "customer_id", "session_id", "props", "context")
LARGEST_INTEGER = 2**63 - 1
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True)
class Activity:
    """What a customer, or somebody unknown, did in the shop.

    Attributes:
        activity_id: id of the event, a UUID.
        customer_id: customer, None for somebody unknown; a number when the text is one.
        session_id: session, or None.
        happened_at: aware UTC, whole milliseconds.
        action_type: name of the event as it was sent.
        details: its attributes.
        ip_address: of the sender, or None.
        user_agent: of the sender, or None.
    """

    activity_id: str
    customer_id: int | str | None
    session_id: str | None
    happened_at: dt.datetime
    action_type: str
    details: Mapping[str, Any]
    ip_address: str | None
    user_agent: str | None


def activity_from(stored: Mapping[str, Any]) -> Activity:
    """Read an activity from the columns of its event.

    Args:
        stored: values by name, at least those of ``STORED_COLUMNS``; ``event_time`` aware UTC.

    Returns:
        The activity.
    """
    context = json.loads(stored["context"] or "{}")
    return Activity(
        activity_id=str(stored["event_id"]),
        customer_id=customer_of(stored["customer_id"]),
        session_id=stored["session_id"] or None,
        happened_at=stored["event_time"],
        action_type=stored["sent_name"],
        details=json.loads(stored["props"] or "{}"),
        ip_address=context.get("ip"),
        user_agent=context.get("user_agent"),
    )


def customer_of(text: str) -> int | str | None:
    """Give an id of a customer the type it has in the shop, where ids are integers.

    Args:
        text: the id as stored, empty for nobody.

    Returns:
        An integer for the decimal text of one, else the text, or None.

    >>> customer_of("3"), customer_of("03"), customer_of("")
    (3, '03', None)
    """
    if _WHOLE_NUMBER.fullmatch(text) and abs(int(text)) <= LARGEST_INTEGER:
        return int(text)
    return text or None
