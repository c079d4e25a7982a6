"""The device route under Kafka: an event that keeps every rule goes to the topic, all others to the inbox."""

from __future__ import annotations

from dataclasses import replace
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from include.events.envelope.checking import check_events
from include.events.envelope.shapes import Shape, shape_of
from include.events.envelope.verdicts import Accepted
from include.events.intake.answers import verdicts_json
from include.events.intake.batches import STORED_STATUS, Batch, Outcome
from include.events.kafka.envelopes import envelope_of
from include.events.kafka.messages import Outgoing
from include.events.kafka.sending import send
from include.settings.intake import KafkaSettings


def forward(batch: Batch, settings: KafkaSettings) -> Outcome | Batch:
    """Send the one event of a request to the topic, or say what the inbox has to take.

    Args:
        batch: the request, with one event.
        settings: how to reach the broker.

    Returns:
        What became of the event, when all replicas of the broker have it. Otherwise what to take into the inbox: the
        request as it came, when its event breaks a rule or its Idempotency-Key asks for a kept answer; the event as
        it was sent, under its id and a new receipt, when the broker is away or slow.

    Raises:
        ConfigError: the client library is missing, or refuses a setting.
    """
    if batch.request_key is not None:
        return batch
    (verdict,) = check_events(
        batch.events,
        shape=batch.shape,
        rules=batch.rules,
        sender=batch.sender,
        receipt_id=batch.receipt_id,
        received_at=batch.received_at,
        sent_at=batch.sent_at,
        pointer=batch.pointer,
    )
    if not isinstance(verdict, Accepted):
        return batch
    message = _outgoing(batch, verdict)
    if send(settings, message):
        return Outcome(STORED_STATUS, message.receipt_id, batch.received_at, 1, 0, 0, verdicts_json([verdict], [], {}))
    return replace(batch, events=[message.envelope], shape=Shape.ENVELOPE, receipt_id=uuid4())


def _outgoing(batch: Batch, verdict: Accepted) -> Outgoing:
    (event,) = batch.events
    shape = batch.shape or shape_of(event)
    envelope = envelope_of(event, shape, event_id=verdict.event_id, default_source=batch.sender.source)
    return Outgoing(
        project=batch.rules.project,
        envelope=envelope,
        sender=batch.sender,
        receipt_id=_receipt_id(batch),
        received_at=batch.received_at,
        sent_at=batch.sent_at,
        body_sha256=batch.body_sha256,
    )


def _receipt_id(batch: Batch) -> UUID:
    """A body sent again, whose event has an id, gets the receipt of the first time."""
    if batch.body_key is None:
        return batch.receipt_id
    return uuid5(NAMESPACE_URL, f"receipt|{batch.sender.principal}|{batch.body_key}")
