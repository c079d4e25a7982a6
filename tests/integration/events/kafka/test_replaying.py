"""A range of offsets is read again: nothing doubles, what is missing comes in."""

from __future__ import annotations

import pytest

from include.errors import InputError, StoreBusy
from include.events.kafka.offsets import held_partitions
from include.state.tables import event_quarantine, event_seen, inbox_batches, receipts
from tests.kafka_cluster import TOPIC
from tests.kafka_topic import KafkaTopic


def rows(topic: KafkaTopic) -> list[int]:
    return [topic.inbox.count(table) for table in (receipts, event_seen, inbox_batches, event_quarantine)]


class TestReplay:
    def test_should_add_no_row_when_everything_was_taken_in_before(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 21))
        topic.cluster.write(b"{")
        topic.consume()
        before, offsets = rows(topic), topic.offsets()
        taken = topic.replay(5, 21)
        assert (taken.repeated, taken.accepted, taken.duplicates, taken.rejected) == (16, 0, 0, 0)
        assert (rows(topic), topic.offsets()) == (before, offsets)

    def test_should_add_no_row_when_what_it_reads_has_landed(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        topic.consume()
        landed = topic.landed()
        topic.replay(0, 10)
        assert topic.landed() == landed

    def test_should_take_in_what_is_missing_when_the_stores_were_set_back(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        topic.consume()
        topic.clear()
        taken = topic.replay(2, 6)
        assert (taken.accepted, taken.repeated) == (4, 0)
        assert topic.landed() == [3, 4, 5, 6]

    def test_should_read_each_message_once_when_the_range_was_not_read_before(self, topic: KafkaTopic) -> None:
        topic.send(*range(1, 11))
        assert topic.replay(0, 4).accepted == 4
        taken = topic.consume().taken
        assert (taken.accepted, taken.repeated) == (6, 4)

    def test_should_end_when_the_range_ends_in_offsets_without_messages(self, topic: KafkaTopic) -> None:
        topic.send(1)
        topic.cluster.write_marker()
        assert topic.replay(0, 2).accepted == 1

    @pytest.mark.parametrize(
        ("begin", "end", "partition", "pointer"),
        [(3, 3, 0, "--from"), (5, 3, 0, "--from"), (0, 3, 0, "--from"), (2, 99, 0, "--to"), (0, 1, 7, "--partition")],
    )
    def test_should_be_refused_when_the_topic_does_not_hold_the_range(
        self, topic: KafkaTopic, begin: int, end: int, partition: int, pointer: str
    ) -> None:
        topic.send(1, 2, 3, 4)
        topic.cluster.delete_before(1)
        with pytest.raises(InputError) as caught:
            topic.replay(begin, end, partition)
        assert caught.value.pointer == pointer

    def test_should_be_refused_when_another_process_reads_the_partition(self, topic: KafkaTopic) -> None:
        topic.send(1)
        with held_partitions(topic.inbox.state, TOPIC, [0]), pytest.raises(StoreBusy):
            topic.replay(0, 1)
