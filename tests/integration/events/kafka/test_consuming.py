"""E9: from the topic to the inbox, over the wire."""

from __future__ import annotations

from tests.kafka_topic import KafkaTopic


class TestConsume:
    def test_should_land_every_event_once_when_it_was_sent(self, topic: KafkaTopic) -> None:
        assert topic.send(*range(1, 31)) == [True] * 30
        report = topic.consume()
        assert (report.messages, report.taken.accepted, report.lost) == (30, 30, 0)
        assert topic.landed() == list(range(1, 31))
