"""What a message of the topic looks like: an event in its envelope, and the facts of its request as headers."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from include.errors import InputError
from include.events.envelope.forms import SOURCES
from include.events.envelope.identities import NAMESPACES
from include.events.envelope.reading import read_json
from include.events.envelope.sender import Sender

RECEIPT_ID, RECEIVED_AT, SENT_AT = "receipt_id", "received_at", "sent_at"
SENDER, BODY_SHA256 = "sender", "body_sha256"
FOREIGN = Sender(principal="kafka", source="kafka")  # of messages that say nothing of a sender
MOST_BYTES = 64 * 1024
LONGEST_NAME = 200
FIRST_YEAR, LAST_YEAR = 1971, 2099  # inside the years of events, whatever the offset

Headers = Sequence[tuple[str, bytes | None]]
T = TypeVar("T")


@dataclass(frozen=True)
class Outgoing:
    """An event on its way to the topic.

    Attributes:
        project: app code it was sent to.
        envelope: the event in the envelope of version 1, with its ``event_id``; it keeps every rule.
        sender: who sent it.
        receipt_id: id of the receipt its sender is told.
        received_at: when it was received, aware UTC.
        sent_at: the sender's clock when it sent it, aware UTC, or None.
        body_sha256: SHA-256 of the body as sent, 32 bytes.
    """

    project: str
    envelope: Mapping[str, Any]
    sender: Sender
    receipt_id: UUID
    received_at: dt.datetime
    sent_at: dt.datetime | None
    body_sha256: bytes


@dataclass(frozen=True)
class Place:
    """Where a message stands.

    Attributes:
        topic: name of the topic.
        topic_id: the broker's id of it.
        partition: number of the partition.
        offset: of the message.
    """

    topic: str
    topic_id: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Incoming:
    """A message as it was read.

    Attributes:
        place: where it stands.
        value: its bytes; empty when it has none.
        receipt_id: of the receipt it gets; the same whenever the message is read.
        body_sha256: 32 bytes, of the sender's body, or of the value.
        received_at: when the event was received, aware UTC.
        sent_at: the sender's clock, aware UTC, or None.
        sender: who sent it.
        project: app code; empty when the message cannot be read.
        event: the event; None when the message cannot be read.
        fault: what makes it unreadable; None when it is an event.
    """

    place: Place
    value: bytes
    receipt_id: UUID
    body_sha256: bytes
    received_at: dt.datetime
    sent_at: dt.datetime | None = None
    sender: Sender = FOREIGN
    project: str = ""
    event: dict[str, Any] | None = None
    fault: InputError | None = None

    @property
    def derived_receipt_id(self) -> UUID:
        """A receipt id made from the place and the content of the message."""
        return _derived_receipt(self.place, hashlib.sha256(self.value).digest())


def key_of(message: Outgoing) -> bytes:
    """The key: app and subject, so that the events of one user of an app keep their order.

    Args:
        message: an event on its way.

    Returns:
        For example ``shop-1/user_code/anna``.
    """
    subject = message.envelope.get("subject") or {}
    namespace = next((name for name in NAMESPACES if name in subject), "")
    return f"{message.project}/{namespace}/{subject.get(namespace, '')}".encode()


def value_of(message: Outgoing) -> bytes:
    """The value: the envelope as JSON, with the app as its ``project``."""
    return orjson.dumps({**message.envelope, "project": message.project})


def headers_of(message: Outgoing) -> list[tuple[str, str | bytes | None]]:
    """The headers: what must be known of the request when the message is read."""
    headers: list[tuple[str, str | bytes | None]] = [
        (RECEIPT_ID, str(message.receipt_id).encode()),
        (RECEIVED_AT, message.received_at.isoformat().encode()),
        (SENDER, json.dumps(message.sender.to_record()).encode()),
        (BODY_SHA256, message.body_sha256.hex().encode()),
    ]
    if message.sent_at is not None:
        headers.append((SENT_AT, message.sent_at.isoformat().encode()))
    return headers


def read_message(value: bytes | None, headers: Headers | None, place: Place, written_at: dt.datetime) -> Incoming:
    """Read a message of the topic.

    Args:
        value: its bytes, or None.
        headers: its headers, or None.
        place: where it stands.
        written_at: when it was written to the topic, aware UTC; stands in for a missing ``received_at``.

    Returns:
        The event with the facts of its request; or what makes the message unreadable.
    """
    raw = value or b""
    digest = hashlib.sha256(raw).digest()
    unread = Incoming(place, raw, _derived_receipt(place, digest), digest, written_at)
    try:
        facts = _Facts({name: text for name, text in headers or () if text is not None})
        event = _event_from(value)
        return Incoming(
            place=place,
            value=raw,
            receipt_id=facts.read(RECEIPT_ID, UUID) or unread.receipt_id,
            body_sha256=facts.read(BODY_SHA256, _digest) or digest,
            received_at=min(facts.read(RECEIVED_AT, _instant) or written_at, written_at),
            sent_at=facts.read(SENT_AT, _instant),
            sender=facts.read(SENDER, _sender) or FOREIGN,
            project=_project_of(event),
            event=event,
        )
    except InputError as error:
        return Incoming(place, raw, unread.receipt_id, digest, written_at, fault=error)


class _Facts:
    """The headers of a message."""

    def __init__(self, headers: Mapping[str, bytes]) -> None:
        self._headers = headers

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Read a header, or None without it."""
        text = self._headers.get(name)
        if text is None:
            return None
        try:
            return parse(text.decode())
        except (ValueError, KeyError, TypeError, OverflowError):
            raise InputError(f"The header {name} of the message cannot be read.", code="bad_type") from None


def _event_from(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise InputError("The message has no value; send an event.", code="not_object")
    if len(value) > MOST_BYTES:
        raise InputError(f"The message has {len(value)} bytes; keep it within 64 KiB.", code="event_too_large")
    event = read_json(value)
    if not isinstance(event, dict):
        raise InputError("The message is JSON, but not an object; send an event.", code="not_object")
    return event


def _project_of(event: Mapping[str, Any]) -> str:
    if "project" not in event:
        raise InputError("The message does not say its project.", code="missing_field", pointer="/project")
    if not isinstance(event["project"], str):
        raise InputError("The project of the message is not a text.", code="bad_type", pointer="/project")
    return event["project"]


def _derived_receipt(place: Place, digest: bytes) -> UUID:
    return uuid5(NAMESPACE_URL, f"receipt|{place}|{place.topic_id}|{digest.hex()}")


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError(text)
    return digest


def _instant(text: str) -> dt.datetime:
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is None or not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(text)
    return instant.astimezone(dt.UTC)


def _sender(text: str) -> Sender:
    """Read a sender; what other programs write here goes into tables and rules, so every field is looked at."""
    record = json.loads(text)
    sender = Sender.from_record(record)
    is_sound = (
        _is_name(sender.principal)
        and sender.source in SOURCES
        and isinstance(sender.may_backfill, bool)
        and (sender.only_user_id is None or _is_name(sender.only_user_id))
        and isinstance(record["only_courses"], list | None)
        and (sender.only_courses is None or all(_is_name(course) for course in sender.only_courses))
    )
    if not is_sound:
        raise ValueError(text)
    return sender


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()
