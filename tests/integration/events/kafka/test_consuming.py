"""E9: from the topic to the inbox, over the wire."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import uuid
from dataclasses import replace

import pytest

from include.days import utc_now
from include.errors import StoreBusy, StoreConflict, StoreUnavailable
from include.events.envelope.checking import check_events
from include.events.intake import taking_in
from include.events.kafka import topic as topic_module
from include.events.kafka.consuming import ConsumeReport
from include.events.kafka.messages import headers_of, key_of, value_of
from include.events.kafka.offsets import move_offsets
from include.events.quarantine.choosing import Chosen
from include.events.quarantine.replaying import replay
from include.state.tables import event_seen, inbox_batches, receipts
from tests.kafka_cluster import TOPIC
from tests.kafka_topic import KafkaTopic


class TestConsume:
    def test_should_land_every_event_once_when_it_was_sent(self, topic: KafkaTopic) -> None:
        assert topic.send(*range(1, 31)) == [True] * 30
        report = topic.consume()
        assert (report.messages, report.taken.accepted, report.lost) == (30, 30, 0)
        assert topic.landed() == list(range(1, 31))

    def test_should_read_nothing_more_when_it_runs_again(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.consume()
        assert topic.consume().messages == 0

    def test_should_keep_what_was_known_of_the_request_when_it_is_read_later(self, topic: KafkaTopic) -> None:
        message = topic.outgoing(1, received_at=utc_now() - dt.timedelta(hours=3))
        topic.send(1, receipt_id=message.receipt_id, received_at=message.received_at)
        topic.consume()
        (receipt,) = topic.receipts()
        assert (receipt.receipt_id, receipt.received_at) == (str(message.receipt_id), message.received_at)
        assert (receipt.principal, receipt.body_sha256) == ("key:phone", message.body_sha256)

    def test_should_correct_the_clock_by_the_moment_of_the_request_when_it_is_read_later(
        self, topic: KafkaTopic
    ) -> None:
        received_at = utc_now() - dt.timedelta(hours=3)
        sent_at = received_at - dt.timedelta(minutes=10)
        message = topic.outgoing(1)
        envelope = {**message.envelope, "occurred_at": sent_at.isoformat()}
        topic.send(1, envelope=envelope, received_at=received_at, sent_at=sent_at)
        topic.consume()
        topic.landed()
        ((event_time,),) = topic.inbox.rows("event_time")
        assert abs((event_time.replace(tzinfo=dt.UTC) - received_at).total_seconds()) < 0.01

    def test_should_read_all_partitions_when_there_are_several(self, wide_topic: KafkaTopic) -> None:
        wide_topic.send(*range(1, 61))
        report = wide_topic.consume()
        assert sum(report.next_offsets.values()) == report.messages == 60
        assert {offset.partition: offset.lag for offset in wide_topic.offsets()} == {0: 0, 1: 0, 2: 0, 3: 0}

    def test_should_keep_the_order_of_each_user_when_there_are_several_partitions(self, wide_topic: KafkaTopic) -> None:
        numbers: dict[str, int] = {}
        for number in range(1, 61):
            receipt_id = uuid.uuid4()
            numbers[str(receipt_id)] = number
            wide_topic.send(number, receipt_id=receipt_id)
        wide_topic.consume()
        order = [numbers[receipt.receipt_id] for receipt in wide_topic.receipts()]
        for user in range(3):
            own = [number for number in order if number % 3 == user]
            assert own == sorted(own)

    def test_should_stop_at_the_end_it_found_when_more_comes_meanwhile(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        report = topic.consume(budget_seconds=0)
        assert report.messages == 0
        assert topic.consume().messages == 2

    def test_should_find_nothing_when_there_is_no_topic_yet(self, bare_topic: KafkaTopic) -> None:
        report = bare_topic.consume()
        assert (report.messages, report.next_offsets) == (0, {})


class TestDelivery:
    def test_should_change_nothing_when_a_message_stands_in_the_topic_twice(self, topic: KafkaTopic) -> None:
        message = topic.outgoing(1)
        headers = {name: bytes(text) for name, text in headers_of(message) if isinstance(text, bytes)}
        for _ in range(2):
            topic.cluster.write(value_of(message), key=key_of(message), headers=headers)
        taken = topic.consume().taken
        assert (taken.accepted, taken.repeated, len(topic.receipts())) == (1, 1, 1)

    def test_should_count_a_duplicate_when_an_event_came_by_two_requests(self, topic: KafkaTopic) -> None:
        envelope = topic.outgoing(1).envelope
        topic.send(1, envelope=envelope)
        topic.send(1, envelope=envelope)
        taken = topic.consume().taken
        assert (taken.accepted, taken.duplicates) == (1, 1)
        assert topic.landed() == [1]

    def test_should_keep_the_first_when_another_event_has_its_id(self, topic: KafkaTopic) -> None:
        first = topic.outgoing(1)
        topic.send(1, envelope=first.envelope)
        topic.send(1, envelope={**first.envelope, "props": {"number": 2}})
        taken = topic.consume().taken
        assert (taken.accepted, taken.rejected, topic.quarantine()[0].code) == (1, 1, "id_conflict")

    def test_should_take_in_each_when_a_program_gives_all_messages_one_receipt_id(self, topic: KafkaTopic) -> None:
        headers = {"receipt_id": str(uuid.uuid4()).encode()}
        for number in (1, 2, 3):
            envelope = {**topic.outgoing(number).envelope, "project": topic.project}
            topic.cluster.write(json.dumps(envelope).encode(), headers=headers)
            if number == 2:
                topic.consume()
        assert topic.consume().taken.accepted == 1
        assert topic.landed() == [1, 2, 3]
        topic.set_offset(0)
        assert topic.consume().taken.repeated == 3

    def test_should_share_the_partitions_when_several_read_at_once(self, wide_topic: KafkaTopic) -> None:
        wide_topic.send(*range(1, 81))
        reports: list[ConsumeReport] = []
        threads = [threading.Thread(target=lambda: reports.append(wide_topic.consume())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        wide_topic.consume()
        assert sum(len(report.next_offsets) + len(report.left_out) for report in reports) == 12
        assert wide_topic.landed() == list(range(1, 81))

    def test_should_store_nothing_when_the_partition_was_read_by_another_meanwhile(self, topic: KafkaTopic) -> None:
        topic.send(1)
        topic.consume()

        def store() -> None:
            with topic.inbox.state.begin() as connection:
                connection.execute(inbox_batches.delete())
                move_offsets(connection, TOPIC, {0: (0, 5)}, utc_now())

        with pytest.raises(StoreConflict):
            store()
        assert (topic.inbox.count(inbox_batches), topic.offsets()[0].next_offset) == (1, 1)


POISON = {
    "no json": (b"{", {}, "invalid_json"),
    "not utf-8": (b"\xff\xfe", {}, "invalid_json"),
    "NaN": (b'{"a": NaN}', {}, "invalid_json"),
    "bomb": (b"[" * 40_000, {}, "invalid_json"),
    "list": (b"[]", {}, "not_object"),
    "no value": (None, {}, "not_object"),
    "too large": (json.dumps({"a": "x" * 70_000}).encode(), {}, "event_too_large"),
    "no project": (b'{"event_name": "tap"}', {}, "missing_field"),
    "number as project": (b'{"project": 1}', {}, "bad_type"),
    "unknown app": (b'{"project": "nobody"}', {}, "project_mismatch"),
    "wrong header": (b'{"project": "default"}', {"receipt_id": b"1"}, "bad_type"),
    "wrong sender": (b'{"project": "default"}', {"sender": b"{}"}, "bad_type"),
}


class TestDeadLetters:
    @pytest.mark.parametrize(("value", "headers", "code"), POISON.values(), ids=POISON)
    def test_should_go_to_the_quarantine_and_block_nobody_when_a_message_is_no_event(
        self, topic: KafkaTopic, value: bytes | None, headers: dict[str, bytes], code: str
    ) -> None:
        topic.send(1)
        topic.cluster.write(value, headers=headers)
        topic.send(2)
        taken = topic.consume().taken
        assert (taken.accepted, taken.rejected) == (2, 1)
        (row,) = topic.quarantine()
        assert (row.code, row.source_position, row.shape) == (code, f"{TOPIC}/0/1", "message")
        assert bytes(row.raw) == (value or b"")[: 64 * 1024]

    def test_should_be_taken_in_when_it_is_corrected_and_replayed(self, topic: KafkaTopic) -> None:
        topic.cluster.write(b"{")
        topic.consume()
        (row,) = topic.quarantine()
        event = {name: value for name, value in topic.outgoing(7).envelope.items() if name != "source"}
        chosen, corrections = Chosen([row.quarantine_id]), {row.quarantine_id: event}
        assert replay(topic.inbox.state, chosen, corrections=corrections).replayed == 1
        assert topic.landed() == [7]
        topic.set_offset(0)
        assert topic.consume().taken.repeated == 1

    def test_should_go_to_the_quarantine_of_its_app_when_an_event_breaks_a_rule(self, topic: KafkaTopic) -> None:
        topic.send(1, envelope={**topic.outgoing(1).envelope, "occurred_at": "yesterday"})
        topic.consume()
        (row,) = topic.quarantine()
        assert (row.code, row.pointer, row.source_position) == ("bad_time", "/occurred_at", f"{TOPIC}/0/0")
        assert row.sender["principal"] == "key:phone"

    def test_should_take_an_envelope_of_another_program_when_it_has_no_headers(self, topic: KafkaTopic) -> None:
        envelope = {**topic.outgoing(1).envelope, "project": topic.project}
        topic.cluster.write(json.dumps(envelope).encode())
        assert topic.consume().taken.accepted == 1
        assert topic.receipts()[0].principal == "kafka"

    def test_should_go_to_the_quarantine_alone_when_nobody_foresaw_what_it_does(
        self, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def check(events: list[dict[str, object]], **facts: object) -> list[object]:
            if any(event["event_name"] == "boom" for event in events):
                raise AttributeError("a defect of ours")
            return list(check_events(events, **facts))  # type: ignore[arg-type]

        monkeypatch.setattr(taking_in, "check_events", check)
        topic.send(1, 2)
        topic.send(3, envelope={**topic.outgoing(3).envelope, "event_name": "boom"})
        topic.send(4)
        topic.cluster.write_marker()
        taken = topic.consume().taken
        assert (taken.accepted, taken.rejected, topic.offsets()[0].next_offset) == (3, 1, 5)
        (row,) = topic.quarantine()
        assert (row.code, row.source_position, b"boom" in bytes(row.raw)) == ("bad_type", f"{TOPIC}/0/2", True)

    def test_should_balance_when_good_and_bad_messages_are_mixed(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.cluster.write(b"{")
        topic.consume()
        counts = [(one.received_count, one.accepted_count, one.rejected_count) for one in topic.receipts()]
        assert sorted(counts) == [(1, 0, 1), (1, 1, 0), (1, 1, 0)]


class TestOffsets:
    def test_should_reach_the_end_when_offsets_hold_no_message(self, topic: KafkaTopic) -> None:
        topic.send(1)
        topic.cluster.write_marker()
        topic.send(2)
        topic.cluster.write_marker()
        report = topic.consume()
        assert (report.messages, report.next_offsets, topic.offsets()[0].lag) == (2, {0: 4}, 0)

    def test_should_go_on_at_the_oldest_and_count_when_unread_messages_were_deleted(
        self, topic: KafkaTopic, caplog: pytest.LogCaptureFixture
    ) -> None:
        topic.send(1)
        topic.consume()
        topic.send(2, 3, 4)
        topic.cluster.delete_before(3)
        with caplog.at_level(logging.ERROR):
            report = topic.consume()
        assert (report.messages, report.lost, topic.offsets()[0].lost_count) == (1, 2, 2)
        assert "deleted 2 messages before they were read" in caplog.text

    def test_should_begin_anew_and_count_when_the_topic_was_made_anew(self, topic: KafkaTopic) -> None:
        topic.send(1, 2, 3)
        topic.consume()
        topic.cluster.delete()
        topic.cluster.create()
        for number in (4, 5, 6, 7):
            message = topic.outgoing(number)
            topic.cluster.write(value_of(message))
        report = topic.consume()
        assert (report.taken.accepted, report.restarts, report.next_offsets) == (4, 1, {0: 4})
        assert (topic.offsets()[0].restart_count, topic.offsets()[0].lost_count) == (1, 0)

    def test_should_count_what_was_never_read_when_the_topic_was_made_anew(self, topic: KafkaTopic) -> None:
        topic.send(1, 2, 3)
        topic.consume()
        topic.set_offset(1)
        topic.cluster.delete()
        topic.cluster.create()
        topic.consume()
        assert topic.offsets()[0].lost_count == 2

    def test_should_change_nothing_when_the_stored_offset_lies_behind(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        topic.cluster.write(b"{")
        topic.consume()
        topic.set_offset(4)
        taken = topic.consume().taken
        assert (taken.repeated, taken.accepted, taken.duplicates, taken.rejected) == (7, 0, 0, 0)
        assert (topic.inbox.count(receipts), len(topic.quarantine()), topic.offsets()[0].lag) == (11, 1, 0)

    def test_should_take_in_again_once_when_the_receipts_were_forgotten(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        topic.consume()
        topic.landed()
        with topic.inbox.state.begin() as connection:
            connection.execute(event_seen.delete())
            connection.execute(receipts.delete())
        topic.set_offset(0)
        assert topic.consume().taken.accepted == 10
        topic.inbox.load()
        assert topic.inbox.ids() == list(range(1, 11))


class TestTrouble:
    def test_should_say_so_and_go_on_later_when_the_broker_is_away(
        self, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topic.send(1)
        topic.cluster.go_away()
        monkeypatch.setattr(topic_module, "ASK_SECONDS", 1.0)
        with pytest.raises(StoreUnavailable, match="KAFKA_BOOTSTRAP_SERVERS"):
            topic.consume()
        topic.cluster.come_back()
        monkeypatch.undo()
        assert topic.consume().taken.accepted == 1

    def test_should_leave_the_rest_in_the_topic_when_the_inbox_is_full(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.consume()
        topic.send(3)
        with pytest.raises(StoreBusy, match="inbox is full"):
            topic.consume(settings=replace(topic.settings, inbox_max_events=2))
        assert topic.offsets()[0].next_offset == 2
        topic.landed()
        assert topic.consume().taken.accepted == 1
