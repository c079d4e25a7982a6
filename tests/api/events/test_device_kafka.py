"""E9: the device route when Kafka is the transport, from the request to the warehouse."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from include.accounts.keys import create_key
from include.accounts.scopes import INGEST
from include.events.kafka.sending import SEND_MS
from include.services.engines.endpoints import Endpoints
from tests.api_client import Api, InMemoryOrchestrator
from tests.event_inbox import Inbox, own_inbox
from tests.kafka_cluster import kafka_cluster
from tests.kafka_topic import KafkaTopic, topic_on


@pytest.fixture(scope="module")
def inbox(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def topic(inbox: Inbox) -> Iterator[KafkaTopic]:
    with kafka_cluster() as cluster:
        cluster.create()
        yield topic_on(cluster, inbox)


@pytest.fixture
def api(topic: KafkaTopic, tmp_path: Path) -> Iterator[Api]:
    found = Api(InMemoryOrchestrator(), {**topic.environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path)})
    yield found
    found.close()


@pytest.fixture
def key(topic: KafkaTopic) -> str:
    _, secret = create_key(
        topic.inbox.state, project=topic.project, scopes=(INGEST,), label="phone", created_by="t", expires_at=None
    )
    return secret.value


def tap(number: int, **changes: Any) -> dict[str, Any]:
    event_id = str(uuid.UUID(int=number))
    return {"user_code": "anna", "event_name": "tap", "attrs": {"n": number}, "event_id": event_id, **changes}


class TestDeviceRoute:
    def test_should_land_under_the_receipt_it_was_told_when_it_went_through_the_topic(
        self, api: Api, topic: KafkaTopic, key: str
    ) -> None:
        answer = api.post(f"/apps/{topic.project}", token=key, json=tap(1))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["status"], body["event_id"]) == ("accepted", str(uuid.UUID(int=1)))
        assert (len(topic.cluster.read()), topic.receipts()) == (1, [])
        topic.consume()
        assert topic.landed() == [1]
        assert api.get(f"/receipts/{body['receipt_id']}", token=key).json()["state"] == "landed"

    def test_should_be_refused_with_code_and_pointer_when_the_event_breaks_a_rule(
        self, api: Api, topic: KafkaTopic, key: str
    ) -> None:
        answer = api.post(f"/apps/{topic.project}", token=key, json=tap(1, occurred_at="yesterday"))
        assert (answer.status_code, answer.json()["code"], answer.json()["pointer"]) == (
            422,
            "bad_time",
            "/occurred_at",
        )
        assert topic.cluster.read() == []

    def test_should_take_the_inbox_when_the_broker_is_away(self, api: Api, topic: KafkaTopic, key: str) -> None:
        topic.cluster.go_away()
        answers = [api.post(f"/apps/{topic.project}", token=key, json=tap(number)) for number in (1, 2)]
        assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "accepted")] * 2
        assert topic.landed() == [1, 2]

    def test_should_never_answer_with_a_failure_when_many_ask_and_the_broker_is_slow(
        self, api: Api, topic: KafkaTopic, key: str
    ) -> None:
        api.post(f"/apps/{topic.project}", token=key, json=tap(1))
        topic.cluster.answer_after(SEND_MS * 2)
        with ThreadPoolExecutor(48) as pool:
            answers = list(pool.map(lambda n: api.post(f"/apps/{topic.project}", token=key, json=tap(n)), range(2, 50)))
        assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "accepted")}
        topic.cluster.answer_after(0)
        topic.consume()
        assert topic.landed() == list(range(1, 50))

    def test_should_answer_batches_with_verdicts_of_the_inbox(self, api: Api, topic: KafkaTopic, key: str) -> None:
        event = {"event_name": "tap", "subject": {"user_code": "anna"}, "event_id": "x"}
        path = f"/apps/{topic.project}/batch"
        first, second = (api.post(path, token=key, json={"events": [event, event]}) for _ in range(2))
        assert (first.status_code, first.json()["accepted"], first.json()["duplicates"]) == (202, 1, 1)
        assert second.json()["receipt_id"] == first.json()["receipt_id"]
        assert topic.cluster.read() == []


class TestHealth:
    def test_should_show_the_lag_of_the_topic_when_kafka_is_the_transport(self, api: Api, topic: KafkaTopic) -> None:
        topic.send(1, 2)
        topic.consume()
        topic.set_offset(1)
        shown = api.get("/health/details").json()["topic"]
        assert (shown["state"], shown["lag"], shown["lost"]) == ("ok", 1, 0)
