"""A broker, an app, and both stores: what was sent, what stands in the topic, and what became of it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, text

from include.days import utc_now
from include.events.apps.projects import create_app
from include.events.envelope.sender import Sender
from include.events.kafka.blocks import Range
from include.events.kafka.consuming import ConsumeReport, consume_available
from include.events.kafka.messages import Outgoing
from include.events.kafka.offsets import StoredOffset, read_offsets
from include.events.kafka.replaying import replay_range
from include.events.kafka.sending import send
from include.events.kafka.unpacking import Taken
from include.settings.intake import KAFKA, IntakeSettings, KafkaSettings
from include.state.tables import event_quarantine, ingest_offsets, receipts
from tests.event_inbox import Inbox
from tests.kafka_cluster import TOPIC, KafkaCluster

KEY = Sender(principal="key:phone", source="mobile")
TABLES = "receipts, event_seen, inbox_batches, event_loads, event_quarantine, persons, identities, ingest_offsets"


@dataclass
class KafkaTopic:
    """One topic of one broker, and where its events end up."""

    cluster: KafkaCluster
    inbox: Inbox
    settings: IntakeSettings
    project: str

    @property
    def environ(self) -> dict[str, str]:
        """Settings of a process that uses this broker."""
        return {
            **self.inbox.environ,
            "EVENTS_TRANSPORT": KAFKA,
            "KAFKA_BOOTSTRAP_SERVERS": self.cluster.servers,
        }

    def outgoing(self, number: int, **changes: Any) -> Outgoing:
        """Event number so and so as the device route hands it over."""
        now = utc_now()
        envelope = {
            "event_id": str(uuid.UUID(int=number)),
            "event_name": "tap",
            "source": "mobile",
            "occurred_at": f"{now:%Y-%m-%dT%H:%M:%S}Z",
            "subject": {"user_code": f"user {number % 3}"},
            "props": {"number": number},
        }
        given = {"received_at": now, "sent_at": None, "sender": KEY, "receipt_id": uuid.uuid4()}
        digest = hashlib.sha256(b"%d" % number).digest()
        return replace(Outgoing(self.project, envelope, body_sha256=digest, **given), **changes)  # type: ignore[arg-type]

    def send(self, *numbers: int, **changes: Any) -> list[bool]:
        return [send(self.settings.kafka, self.outgoing(number, **changes)) for number in numbers]

    def consume(self, settings: IntakeSettings | None = None, budget_seconds: float | None = None) -> ConsumeReport:
        return consume_available(
            self.inbox.state, settings or self.settings, run_id="test", budget_seconds=budget_seconds
        )

    def replay(self, begin: int, end: int, partition: int = 0) -> Taken:
        return replay_range(self.inbox.state, self.settings, Range(partition, begin, end))

    def offsets(self) -> list[StoredOffset]:
        return read_offsets(self.inbox.state, TOPIC)

    def set_offset(self, next_offset: int) -> None:
        with self.inbox.state.begin() as connection:
            connection.execute(ingest_offsets.update().values(next_offset=next_offset))

    def quarantine(self) -> list[Row[Any]]:
        query = select(event_quarantine).order_by(event_quarantine.c.source_position)
        with self.inbox.state.connect() as connection:
            return list(connection.execute(query))

    def receipts(self) -> list[Row[Any]]:
        with self.inbox.state.connect() as connection:
            return list(connection.execute(select(receipts).order_by(receipts.c.receipt_number)))

    def landed(self) -> list[int]:
        """Numbers of the events in the warehouse after loading, every stored row counted."""
        self.inbox.load()
        return [event_id.int for (event_id,) in self.inbox.rows("event_id", final=False)]

    def clear(self) -> None:
        """Forget everything but the app."""
        with self.inbox.state.begin() as connection:
            connection.execute(text(f"TRUNCATE {TABLES} CASCADE"))
        self.inbox.warehouse.execute(f"TRUNCATE TABLE IF EXISTS {self.settings.events_table}")


def topic_on(cluster: KafkaCluster, inbox: Inbox) -> KafkaTopic:
    """An app whose events go through a broker."""
    kafka = KafkaSettings(servers=cluster.servers)
    app, _, _ = create_app(inbox.state, app_name=f"s{uuid.uuid4().hex[:8]}", owner="account:test")
    topic = KafkaTopic(cluster, inbox, replace(inbox.settings, transport=KAFKA, kafka=kafka), app.app_code)
    topic.clear()
    return topic
