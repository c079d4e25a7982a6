"""H7, E2: killed at any step of a batch, the same request again gets one answer and stores every event once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from include.events.intake import storing, taking_in
from include.events.quarantine import replaying
from include.services.engines.endpoints import Endpoints
from include.state.tables import DEFAULT_PROJECT_NUMBER
from tests.api_client import Api, InMemoryOrchestrator
from tests.event_inbox import Inbox, own_inbox
from tests.intake_process import replay_and_die, send_and_die
from tests.taken_batches import Desk, numbered

BEFORE_COMMIT = (
    "intake.checked", "intake.locked", "intake.remembered", "intake.receipted", "intake.quarantined", "intake.spooled",
)  # fmt: skip
AFTER_COMMIT = "intake.committed"
BESIDE = "intake.joined"  # only where something else is stored in the same transaction: tests/faults/test_kafka_crashes
REPLAY = ("replay.locked", "replay.remembered", "replay.spooled", "replay.marked", "replay.committed")
WAYS: dict[str, dict[str, str]] = {"key": {"Idempotency-Key": "k-1"}, "ids": {}}


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        found.environ["COUNTERFLOW_LOCAL_DIR"] = str(tmp_path_factory.mktemp("local"))
        yield found


@pytest.fixture
def desk(stores: Inbox) -> Desk:
    stores.clear()
    return Desk(stores)


@pytest.fixture
def api(stores: Inbox) -> Iterator[Api]:
    found = Api(InMemoryOrchestrator(), stores.environ)
    yield found
    found.close()


def points_in(*modules: Any) -> set[str]:
    """Failpoints written in some modules."""
    return {
        point
        for module in modules
        for point in re.findall(r'failpoint\("([\w.]+)"\)', Path(module.__file__).read_text())
    }


class TestPoints:
    def test_should_be_killed_at_every_point_there_is(self) -> None:
        assert points_in(taking_in, storing) == {*BEFORE_COMMIT, AFTER_COMMIT, BESIDE}
        assert points_in(replaying) == set(REPLAY)


class TestKilledIntake:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("point", BEFORE_COMMIT)
    def test_should_store_nothing_when_killed_before_the_commit(
        self, desk: Desk, api: Api, point: str, way: str
    ) -> None:
        key, events = api.key("default", "ingest"), _mixed()
        assert send_and_die(desk.inbox.environ, point, key, events, WAYS[way])
        assert set(desk.stored().values()) == {0}
        answer = api.post("/api/v1/events", token=key, json=events, headers=WAYS[way])
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)
        assert desk.stored() == {"receipts": 1, "ids": 3, "batches": 1, "quarantine": 1, "lines": 3}

    @pytest.mark.parametrize("way", WAYS)
    def test_should_give_the_first_answer_when_killed_between_commit_and_answer(
        self, desk: Desk, api: Api, way: str
    ) -> None:
        key, events = api.key("default", "ingest"), _mixed()
        assert send_and_die(desk.inbox.environ, AFTER_COMMIT, key, events, WAYS[way])
        stored = desk.stored()
        assert stored == {"receipts": 1, "ids": 3, "batches": 1, "quarantine": 1, "lines": 3}
        answers = [api.post("/api/v1/events", token=key, json=events, headers=WAYS[way]) for _ in range(2)]
        assert [answer.headers.get("idempotency-replayed") for answer in answers] == ["true", "true"]
        assert answers[0].content == answers[1].content
        receipt = api.get(f"/receipts/{answers[0].json()['receipt_id']}", token=key).json()
        assert (receipt["accepted"], receipt["rejected"]) == (3, 1)
        assert desk.stored() == stored

    def test_should_land_every_event_once_when_killed_again_and_again(self, desk: Desk, api: Api) -> None:
        key, events = api.key("default", "ingest"), _mixed()
        deaths = [send_and_die(desk.inbox.environ, point, key, events, {}) for point in (*BEFORE_COMMIT, AFTER_COMMIT)]
        assert all(deaths)
        desk.inbox.load()
        assert len(desk.inbox.ids()) == 3


class TestKilledReplay:
    @pytest.mark.parametrize("point", REPLAY)
    def test_should_add_every_event_once_when_killed_and_replayed_again(self, desk: Desk, point: str) -> None:
        desk.inbox.set_max_age(0)
        desk.take(numbered(*range(5), timestamp="2026-11-19T00:00:00Z"))
        desk.inbox.set_max_age(90)
        assert replay_and_die(desk.inbox.environ, point, DEFAULT_PROJECT_NUMBER)
        desk.inbox.replay()
        assert desk.stored() == {
            "receipts": 2, "ids": 5, "batches": 1, "quarantine": 5, "lines": 5,
        }  # fmt: skip
        desk.inbox.load()
        assert desk.inbox.ids() == list(range(5))


def _mixed() -> list[dict[str, Any]]:
    """Three good events and one that breaks a rule; all with ids."""
    return [*numbered(1, 2, 3), {"id": str(uuid4())}]
