"""What the routes of intake answer with, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

ID = "1f0a6c1e-5f0b-4f5e-9f58-2a3b1c4d5e6f"
AT = "2025-07-01T09:00:00.250000Z"


class VerdictView(BaseModel):
    """What became of one event."""

    index: int = Field(description="Place in the batch, from 0.", examples=[0])
    event_id: str | None = Field(description="Its id; null when a rejected event had none.", examples=[ID])
    verdict: Literal["accepted", "duplicate", "rejected"] = Field(examples=["accepted"])
    warnings: list[str] = Field(default=[], description="What was odd; of accepted events.", examples=[["naive_time"]])
    code: str = Field(default="", description="Why it was rejected.", examples=["attr_type_mismatch"])
    pointer: str = Field(default="", description="Where, in the body as sent.", examples=["/events/7/payload/quantity"])
    message: str = Field(default="", examples=["quantity is not an integer."])
    quarantine_id: str = Field(default="", description="Where the rejected event is kept.", examples=[ID])


class BatchAnswer(BaseModel):
    """What became of a batch; received = accepted + duplicates + rejected."""

    accepted: int = Field(description="Events stored now.", examples=[498])
    duplicates: int = Field(description="Events stored before.", examples=[1])
    rejected: int = Field(description="Events in quarantine.", examples=[1])
    receipt_id: str = Field(examples=[ID])
    received_at: str = Field(examples=[AT])
    verdicts: list[VerdictView]


class DeviceAnswer(BaseModel):
    """What became of the message of a device."""

    status: Literal["accepted", "duplicate"] = Field(examples=["accepted"])
    event_id: str = Field(examples=[ID])
    receipt_id: str = Field(examples=[ID])
    warnings: list[str] = Field(examples=[["no_time"]])


class ActivityAnswer(BaseModel):
    """An activity as recorded."""

    id: str = Field(description="Id of the event.", examples=[ID])
    customer_id: int | str | None = Field(examples=[3])
    session_id: str | None = Field(examples=["s-1"])
    timestamp: str = Field(examples=[AT])
    action_type: str = Field(examples=["view_product"])
    details: dict[str, Any] = Field(examples=[{"product_id": 4}])
    ip_address: str | None = Field(examples=["203.0.113.7"])
    user_agent: str | None = Field(examples=["Mozilla/5.0"])


class ReceiptView(BaseModel):
    """What became of a batch since it was answered."""

    receipt_id: str = Field(examples=[ID])
    project: str = Field(examples=["default"])
    state: Literal["spooled", "landed", "failed"] = Field(
        description="spooled: accepted events wait for loading; landed: they can be read.", examples=["landed"]
    )
    reason: str | None = Field(description="Why it failed; else null.", examples=[None])
    received: int = Field(examples=[500])
    accepted: int = Field(examples=[498])
    duplicates: int = Field(examples=[1])
    rejected: int = Field(examples=[1])
    landed: int = Field(description="Accepted events that can be read.", examples=[498])
    received_at: str = Field(examples=[AT])
    landed_at: str | None = Field(examples=[AT])
    sha256: str = Field(
        description="Digest of the body.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class QuarantinedView(BaseModel):
    """A rejected event."""

    quarantine_id: str = Field(examples=[ID])
    project: str = Field(examples=["electronic-shop-1f0a6c1e-5f0b-4f5e-9f58-2a3b1c4d5e6f"])
    receipt_id: str | None = Field(description="Of the batch it came with.", examples=[ID])
    position: int = Field(description="Place in the batch, from 0.", examples=[7])
    source_position: str = Field(description="Topic, partition and offset of a message.", examples=[""])
    event_id: str | None = Field(examples=[None])
    event_name: str = Field(examples=["product_view"])
    code: str = Field(examples=["attr_type_mismatch"])
    pointer: str = Field(examples=["/events/7/props/quantity"])
    message: str = Field(examples=["quantity is not an integer."])
    received_at: str = Field(examples=[AT])
    status: Literal["open", "replayed", "discarded"] = Field(examples=["open"])
    attempt_count: int = Field(description="Replays tried.", examples=[0])
    ended_at: str | None = Field(examples=[None])
    event: Any = Field(description="The event as sent; a text when it is not JSON.", examples=[{"event_name": "tap"}])


class QuarantineList(BaseModel):
    """A page of rejected events, newest first."""

    items: list[QuarantinedView]
    total: int = Field(examples=[1])
    limit: int = Field(examples=[100])
    offset: int = Field(examples=[0])
    has_more: bool = Field(examples=[False])


class ReplayFilter(BaseModel, extra="forbid", populate_by_name=True):
    """Which open events to replay; the oldest 10,000 of them."""

    app_code: str = Field(description="Their app, or default.", max_length=200, examples=["default"])
    code: str | None = Field(default=None, max_length=100, examples=["unknown_event"])
    from_: str | None = Field(default=None, alias="from", max_length=100, description="Received at this time or later.")
    to: str | None = Field(default=None, max_length=100, description="Received before this time.")


class ReplayOrder(BaseModel, extra="forbid"):
    """Which rejected events to hold against the rules again: ids, or a filter."""

    ids: list[str] | None = Field(default=None, max_length=10_000, examples=[[ID]])
    filter: ReplayFilter | None = None
    app_code: str | None = Field(default=None, max_length=200, description="Short for a filter by app alone.")
    corrections: dict[str, dict[str, Any]] | None = Field(
        default=None,
        max_length=1_000,
        description="Corrected events by quarantine id, taken in place of those kept. An event keeps the id and the "
        "time of reception it had.",
        examples=[{}],
    )


class ReplayAnswer(BaseModel):
    """What became of the events."""

    replayed: int = Field(description="Events that are accepted now.", examples=[1])
    still_rejected: int = Field(description="Events that still break a rule and stay.", examples=[0])
    not_found: int = Field(description="Ids that are not in quarantine, or no longer open.", examples=[0])
    already_stored: int = Field(description="Events that came in another way meanwhile.", examples=[0])
    receipt_ids: list[str] = Field(description="Receipts of what was accepted.", examples=[[ID]])
