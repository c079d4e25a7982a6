"""E9: events are acknowledged by the broker, or go to the inbox; over the wire."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import threading
import time
import uuid

import pytest
from confluent_kafka import KafkaError

from include.days import utc_now
from include.events.apps.rules import RulesCache
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch, Outcome
from include.events.intake.taking_in import take_in
from include.events.kafka import sending
from include.events.kafka.forwarding import forward
from include.events.kafka.resting import Rest
from include.events.kafka.sending import SEND_MS, send
from tests.kafka_cluster import TOPIC
from tests.kafka_topic import KEY, KafkaTopic


@pytest.fixture(autouse=True)
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rest that a test can wait for."""
    monkeypatch.setattr(sending, "Rest", lambda: Rest(1.0))


def batch_of(topic: KafkaTopic, event: dict[str, object], **changes: object) -> Batch:
    rules = RulesCache().get(topic.inbox.state, topic.project)
    assert rules is not None
    facts = {
        "shape": Shape.DEVICE, "sent_at": None, "received_at": utc_now(), "receipt_id": uuid.uuid4(),
        "body_sha256": b"d" * 32, "pointer": None, **changes,
    }  # fmt: skip
    return Batch(rules=rules, sender=KEY, events=[event], **facts)  # type: ignore[arg-type]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What senders warned of; producers of earlier tests go on telling that their brokers are gone."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == sending.logger.name and record.levelno >= logging.WARNING
    ]


def tap(number: int, **changes: object) -> dict[str, object]:
    """A message as the seed has it, with values and an id."""
    return {
        "user_code": "anna",
        "event_name": "tap",
        "attrs": [{"name": "number", "type": "integer", "value": number}, {"name": "note", "type": "string"}],
        "event_id": str(uuid.UUID(int=number)),
        "occurred_at": f"{utc_now():%Y-%m-%dT%H:%M:%S}Z",
        **changes,
    }


class TestSend:
    def test_should_write_envelope_key_and_headers_when_an_event_is_sent(self, topic: KafkaTopic) -> None:
        sent_at = utc_now() - dt.timedelta(seconds=9)
        message = topic.outgoing(1, sent_at=sent_at)
        assert send(topic.settings.kafka, message)
        (found,) = topic.cluster.read()
        headers = {name: text.decode() for name, text in found.headers()}
        assert found.key().decode() == f"{topic.project}/user_code/user 1"
        assert json.loads(found.value()) == {**message.envelope, "project": topic.project}
        assert json.loads(headers.pop("sender")) == KEY.to_record()
        assert headers == {
            "receipt_id": str(message.receipt_id),
            "received_at": message.received_at.isoformat(),
            "sent_at": sent_at.isoformat(),
            "body_sha256": message.body_sha256.hex(),
        }

    def test_should_use_one_producer_when_many_threads_send(self, topic: KafkaTopic) -> None:
        results: list[bool] = []
        threads = [
            threading.Thread(target=lambda start=start: results.extend(topic.send(*range(start, start + 10))))
            for start in range(1, 81, 10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert results == [True] * 80
        assert len(topic.cluster.read()) == 80
        assert len([one for one in sending._opened if one == topic.settings.kafka]) == 1

    def test_should_send_with_a_producer_of_its_own_when_a_process_was_forked(self, topic: KafkaTopic) -> None:
        topic.send(1)
        child = os.fork()
        if child == 0:
            os._exit(0 if topic.send(2) == [True] else 1)
        for _ in range(200):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.1)
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the child did not end")
        assert os.waitstatus_to_exitcode(status) == 0
        assert topic.send(3) == [True]
        assert len(topic.cluster.read()) == 3


class TestBrokerAway:
    def test_should_give_up_when_the_broker_is_away(self, topic: KafkaTopic) -> None:
        topic.cluster.go_away()
        assert topic.send(1) == [False]

    def test_should_give_up_when_the_broker_is_slow(self, topic: KafkaTopic) -> None:
        topic.send(1)
        topic.cluster.answer_after(SEND_MS * 2)
        assert topic.send(2) == [False]

    def test_should_not_ask_again_when_the_broker_has_just_failed(
        self, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "Rest", lambda: Rest(600.0))
        topic.cluster.go_away()
        topic.send(1)
        topic.cluster.come_back()
        assert topic.send(*range(2, 12)) == [False] * 10
        assert topic.cluster.read() == []

    def test_should_say_so_with_counts_when_the_broker_does_not_answer(
        self, topic: KafkaTopic, caplog: pytest.LogCaptureFixture
    ) -> None:
        topic.send(1)
        topic.cluster.answer_after(SEND_MS * 2)
        with caplog.at_level(logging.WARNING):
            topic.send(2, 3)
        (said,) = warnings_of(caplog)
        assert "1 failures, 1 events to the inbox" in said

    def test_should_say_so_when_the_library_noticed_first(
        self, topic: KafkaTopic, caplog: pytest.LogCaptureFixture
    ) -> None:
        producer = sending.Sending(topic.settings.kafka)
        with caplog.at_level(logging.WARNING):
            producer._note_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
            producer._note_failure("no answer in time")
        (said,) = warnings_of(caplog)
        assert "1 failures, 1 events to the inbox" in said

    def test_should_send_again_when_the_broker_has_come_back(self, topic: KafkaTopic) -> None:
        topic.cluster.go_away()
        topic.send(1)
        topic.cluster.come_back()
        deadline = time.monotonic() + 30
        while topic.send(2) != [True]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert b'"number":2' in topic.cluster.read()[-1].value()


class TestForward:
    def test_should_answer_as_the_inbox_does_when_the_broker_has_it(self, topic: KafkaTopic) -> None:
        batch = batch_of(topic, tap(1))
        outcome = forward(batch, topic.settings.kafka)
        assert isinstance(outcome, Outcome)
        taken = take_in(topic.inbox.state, batch, settings=topic.settings)
        assert (outcome.status, outcome.accepted, outcome.verdicts) == (taken.status, 1, taken.verdicts)

    def test_should_be_a_duplicate_when_the_same_message_came_by_the_inbox(self, topic: KafkaTopic) -> None:
        batch = batch_of(topic, tap(1))
        take_in(topic.inbox.state, batch, settings=topic.settings)
        forward(batch_of(topic, tap(1, occurred_at=batch.events[0]["occurred_at"])), topic.settings.kafka)
        assert topic.consume().taken.duplicates == 1

    @pytest.mark.parametrize("missing", ["occurred_at", "event_id"])
    def test_should_be_a_duplicate_when_a_message_without_a_time_or_an_id_is_sent_again(
        self, topic: KafkaTopic, missing: str
    ) -> None:
        event = {name: value for name, value in tap(1).items() if name != missing}
        for _ in range(2):
            forward(batch_of(topic, event), topic.settings.kafka)
        taken = topic.consume().taken
        assert (taken.accepted, taken.duplicates, taken.rejected) == (1, 1, 0)

    def test_should_keep_its_receipt_when_the_same_body_with_an_id_is_sent_again(self, topic: KafkaTopic) -> None:
        event = tap(1)
        outcomes = [forward(batch_of(topic, event, body_key="k"), topic.settings.kafka) for _ in range(2)]
        assert len({outcome.receipt_id for outcome in outcomes}) == 1
        taken = topic.consume().taken
        assert (taken.accepted, taken.repeated) == (1, 1)

    def test_should_leave_it_to_the_inbox_when_the_event_breaks_a_rule(self, topic: KafkaTopic) -> None:
        batch = batch_of(topic, tap(1, occurred_at="yesterday"))
        assert forward(batch, topic.settings.kafka) is batch
        assert topic.cluster.read() == []

    def test_should_leave_it_to_the_inbox_when_an_idempotency_key_asks_for_a_kept_answer(
        self, topic: KafkaTopic
    ) -> None:
        batch = batch_of(topic, tap(1), request_key="POST /apps/x k")
        assert forward(batch, topic.settings.kafka) is batch

    def test_should_land_once_when_the_inbox_took_what_the_broker_had_after_all(self, topic: KafkaTopic) -> None:
        forward(batch_of(topic, tap(1)), topic.settings.kafka)
        topic.cluster.answer_after(SEND_MS + 1500)
        fallen_back = forward(batch_of(topic, tap(2)), topic.settings.kafka)
        assert isinstance(fallen_back, Batch)
        assert take_in(topic.inbox.state, fallen_back, settings=topic.settings).accepted == 1
        topic.cluster.answer_after(0)
        assert len(topic.cluster.read()) == 2
        taken = topic.consume().taken
        assert (taken.accepted, taken.duplicates) == (1, 1)
        assert topic.landed() == [1, 2]

    def test_should_land_everything_once_when_the_broker_went_away_in_between(self, topic: KafkaTopic) -> None:
        def take(number: int) -> None:
            forwarded = forward(batch_of(topic, tap(number)), topic.settings.kafka)
            if isinstance(forwarded, Batch):
                take_in(topic.inbox.state, forwarded, settings=topic.settings)

        for number in range(1, 6):
            take(number)
        topic.cluster.go_away()
        for number in range(6, 11):
            take(number)
        topic.cluster.come_back()
        deadline = time.monotonic() + 30
        number = 10
        while len([one for one in topic.cluster.read(TOPIC) if b"tap" in one.value()]) < 6:
            assert time.monotonic() < deadline
            number += 1
            take(number)
            time.sleep(0.2)
        topic.consume()
        assert topic.landed() == list(range(1, number + 1))
