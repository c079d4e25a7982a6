"""Batches that are delivered again under their receipt, at the door of the inbox itself."""

from __future__ import annotations

import uuid
from dataclasses import replace

from include.days import utc_now
from include.events.apps.rules import RulesCache
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch
from include.events.intake.taking_in import take_in_all
from include.state.tables import inbox_batches, receipts
from tests.kafka_topic import KEY, KafkaTopic


def delivered(topic: KafkaTopic, number: int) -> Batch:
    rules = RulesCache().get(topic.inbox.state, topic.project)
    assert rules is not None
    return Batch(
        rules=rules,
        sender=KEY,
        events=[topic.outgoing(number).envelope],
        shape=Shape.ENVELOPE,
        sent_at=None,
        received_at=utc_now(),
        receipt_id=uuid.UUID(int=number),
        body_sha256=b"d" * 32,
        pointer=None,
        source_positions=[f"raw/0/{number}"],
    )


class TestDeliveredAgain:
    def test_should_change_nothing_when_only_some_were_there_before(self, topic: KafkaTopic) -> None:
        batches = [delivered(topic, number) for number in (1, 2, 3)]
        take_in_all(topic.inbox.state, batches[:2], settings=topic.settings)
        outcomes = take_in_all(topic.inbox.state, batches, settings=topic.settings)
        assert [outcome.is_replayed for outcome in outcomes] == [True, True, False]
        assert [outcome.receipt_id for outcome in outcomes] == [batch.receipt_id for batch in batches]
        assert (topic.inbox.count(receipts), topic.inbox.count(inbox_batches)) == (3, 3)

    def test_should_change_nothing_when_the_answer_was_forgotten(self, topic: KafkaTopic) -> None:
        batch = delivered(topic, 1)
        take_in_all(topic.inbox.state, [batch], settings=topic.settings)
        with topic.inbox.state.begin() as connection:
            connection.execute(receipts.update().values(answer=None))
        (outcome,) = take_in_all(topic.inbox.state, [batch], settings=topic.settings)
        assert (outcome.is_replayed, outcome.accepted, outcome.verdicts) == (True, 1, [])

    def test_should_not_stop_its_partition_when_it_came_with_another_body(self, topic: KafkaTopic) -> None:
        batch = delivered(topic, 1)
        take_in_all(topic.inbox.state, [batch], settings=topic.settings)
        other = replace(batch, body_sha256=b"e" * 32)
        assert take_in_all(topic.inbox.state, [other], settings=topic.settings)[0].is_replayed
