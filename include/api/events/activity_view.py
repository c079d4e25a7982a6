"""An activity as the shop's seed document writes it, straight after it was recorded."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from include.api.events.answers import written
from include.events.envelope.times import instant_of, parse_time
from include.events.intake.batches import Outcome

UTC = ZoneInfo("UTC")


def activity_of(event: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Write an activity that was just taken in.

    Args:
        event: as sent; it keeps all rules.
        outcome: of its batch of one.

    Returns:
        The activity; ids in the JSON type they were sent in.
    """
    sent = event.get("timestamp")
    instant = outcome.received_at if sent is None else instant_of(parse_time(sent, UTC).instant_ms)
    return {
        "id": outcome.verdicts[0]["event_id"],
        "customer_id": event.get("customer_id"),
        "session_id": event.get("session_id"),
        "timestamp": written(instant),
        "action_type": event["action_type"],
        "details": event.get("details") or {},
        "ip_address": event.get("ip_address"),
        "user_agent": event.get("user_agent"),
    }
