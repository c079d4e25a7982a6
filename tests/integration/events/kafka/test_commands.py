"""The commands about the topic, as a user types them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.events.kafka import topic as topic_module
from tests.kafka_cluster import TOPIC
from tests.kafka_topic import KafkaTopic


def run(topic: KafkaTopic, *words: object, **changes: str) -> Result:
    return CliRunner().invoke(app, ["events", "kafka", *map(str, words)], env={**topic.environ, **changes})


def printed(topic: KafkaTopic, *words: object) -> dict[str, Any]:
    result = run(topic, *words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


class TestStatus:
    def test_should_show_next_offset_end_and_lag_when_part_was_read(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.consume()
        topic.send(3, 4, 5)
        found = printed(topic, "status")
        (partition,) = found["partitions"]
        assert (found["topic"], found["lag"], found["lost"], found["trouble"]) == (TOPIC, 3, 0, "")
        assert (partition["next_offset"], partition["begin"], partition["end"], partition["lag"]) == (2, 0, 5, 3)

    def test_should_say_that_it_was_never_read_when_it_was_not(self, topic: KafkaTopic) -> None:
        topic.send(1)
        assert printed(topic, "status")["partitions"][0]["next_offset"] is None

    def test_should_show_what_is_known_when_the_broker_is_away(
        self, topic: KafkaTopic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topic.send(1, 2)
        topic.consume()
        topic.set_offset(1)
        topic.cluster.go_away()
        monkeypatch.setattr(topic_module, "ASK_SECONDS", 1.0)
        found = printed(topic, "status")
        assert (found["lag"], topic.cluster.servers in found["trouble"]) == (1, True)

    def test_should_be_empty_when_there_is_no_topic_yet(self, bare_topic: KafkaTopic) -> None:
        assert printed(bare_topic, "status")["partitions"] == []

    def test_should_show_a_table_to_people(self, topic: KafkaTopic) -> None:
        topic.send(1)
        result = run(topic, "status")
        assert (result.exit_code, "never read" in result.output) == (0, True)

    def test_should_name_the_setting_when_there_is_no_broker(self, topic: KafkaTopic) -> None:
        result = run(topic, "status", EVENTS_TRANSPORT="inbox", KAFKA_BOOTSTRAP_SERVERS="")
        assert (result.exit_code, "KAFKA_BOOTSTRAP_SERVERS" in result.output) == (2, True)


class TestConsume:
    def test_should_print_what_was_read(self, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.cluster.write(b"{")
        found = printed(topic, "consume")
        assert {name: found[name] for name in ("messages", "accepted", "rejected", "repeated", "lost")} == {
            "messages": 3,
            "accepted": 2,
            "rejected": 1,
            "repeated": 0,
            "lost": 0,
        }
        assert found["next_offsets"] == {"0": 3}


class TestReplay:
    def test_should_print_that_nothing_changed_when_the_range_is_known(self, topic: KafkaTopic) -> None:
        topic.send(1, 2, 3)
        topic.consume()
        found = printed(topic, "replay", "--partition", 0, "--from", 0, "--to", 2)
        assert found == {"accepted": 0, "duplicates": 0, "rejected": 0, "repeated": 2}

    def test_should_be_refused_when_the_range_is_not_there(self, topic: KafkaTopic) -> None:
        result = run(topic, "replay", "--partition", 0, "--from", 0, "--to", 9)
        assert (result.exit_code, "offsets 0 to 0" in result.output) == (2, True)


class TestEventsStatus:
    def test_should_show_the_lag_of_the_topic_when_kafka_is_the_transport(self, topic: KafkaTopic) -> None:
        topic.send(1, 2, 3)
        topic.consume()
        topic.set_offset(1)
        result = CliRunner().invoke(app, ["events", "status", "--json"], env=topic.environ)
        assert json.loads(result.stdout)["topic"] == {"name": TOPIC, "lag": 2, "lost": 0}

    def test_should_not_speak_of_a_topic_when_the_inbox_is_the_transport(self, topic: KafkaTopic) -> None:
        result = CliRunner().invoke(app, ["events", "status", "--json"], env=topic.inbox.environ)
        assert "topic" not in json.loads(result.stdout)
