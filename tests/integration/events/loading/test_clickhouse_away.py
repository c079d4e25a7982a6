"""E3: ClickHouse stops during intake, or in the middle of a load; everything lands afterwards."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from include.errors import StoreUnavailable
from include.events.loading import landing
from include.services.engines.endpoints import Endpoints
from include.services.stack import down, status, up
from include.state.tables import event_loads, inbox_batches
from tests.event_inbox import Inbox, learning_event, opened_inbox
from tests.loading import own_stores

EVENTS_OF_A_BATCH = 50
SENDERS, BATCHES = 4, 240


class OwnClickHouse:
    """A ClickHouse of this test, to be stopped and started."""

    def __init__(self, local_dir: Path, database_url: str) -> None:
        self._local_dir, self._environ = local_dir, {"DATABASE_URL": database_url}

    def start(self) -> Endpoints:
        return up(self._local_dir, self._environ)

    def stop(self) -> None:
        down(self._local_dir)

    def kill(self) -> None:
        """SIGKILL; whoever watches over it starts it again a moment later."""
        pids = [one.pid for one in status(self._local_dir) if one.name == "clickhouse" and one.pid is not None]
        assert len(pids) == 1
        os.kill(pids[0], signal.SIGKILL)


@pytest.fixture
def away(endpoints: Endpoints) -> Iterator[tuple[Inbox, OwnClickHouse]]:
    with own_stores(endpoints) as stores, tempfile.TemporaryDirectory(prefix="counterflow-events-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        server = OwnClickHouse(Path(folder) / "local", stores["DATABASE_URL"])
        own = server.start()
        try:
            with opened_inbox({**own.environment(), "DATABASE_URL": stores["DATABASE_URL"]}) as inbox:
                yield inbox, server
        finally:
            server.stop()


def send(inbox: Inbox, batches: range) -> None:
    for batch in batches:
        first = batch * EVENTS_OF_A_BATCH
        outcome = inbox.take_in([learning_event(number) for number in range(first, first + EVENTS_OF_A_BATCH)])
        assert (outcome.status, outcome.accepted) == (202, EVENTS_OF_A_BATCH)


def send_and_count(inbox: Inbox, batches: range, sent: list[int]) -> None:
    for batch in batches:
        send(inbox, range(batch, batch + 1))
        sent.append(batch)


class TestE3ClickHouseAway:
    def test_should_land_everything_when_clickhouse_was_stopped_during_intake(
        self, away: tuple[Inbox, OwnClickHouse]
    ) -> None:
        inbox, server = away
        send(inbox, range(3))
        inbox.load()
        server.stop()
        send(inbox, range(3, 10))
        with pytest.raises(StoreUnavailable, match="ClickHouse does not answer"):
            inbox.load()
        assert inbox.count(inbox_batches) == 7
        server.start()
        inbox.load()
        assert inbox.ids() == list(range(10 * EVENTS_OF_A_BATCH))

    def test_should_land_everything_when_clickhouse_stops_during_a_loaded_run(
        self, away: tuple[Inbox, OwnClickHouse]
    ) -> None:
        """Senders go on as fast as they can, a loader runs beside them, and ClickHouse is away for the middle third."""
        inbox, server = away
        sent: list[int] = []
        with ThreadPoolExecutor(SENDERS) as pool:
            work = [pool.submit(send_and_count, inbox, range(n, BATCHES, SENDERS), sent) for n in range(SENDERS)]
            for change, share in ((server.stop, 1 / 3), (server.start, 2 / 3)):
                while len(sent) < share * BATCHES and not all(one.done() for one in work):
                    with suppress(StoreUnavailable):
                        inbox.load(load_max_events=5 * EVENTS_OF_A_BATCH)
                change()
            for one in work:
                one.result(timeout=60)
        inbox.load()
        assert inbox.ids() == list(range(BATCHES * EVENTS_OF_A_BATCH))
        assert inbox.count(inbox_batches) == 0

    def test_should_land_everything_when_clickhouse_dies_in_the_middle_of_a_load(
        self, away: tuple[Inbox, OwnClickHouse], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox, server = away
        send(inbox, range(12))
        monkeypatch.setattr(landing, "failpoint", lambda name: server.kill())
        with pytest.raises(StoreUnavailable):
            inbox.load(load_max_events=5 * EVENTS_OF_A_BATCH)
        monkeypatch.undo()
        send(inbox, range(12, 15))
        server.start()
        inbox.load(load_max_events=5 * EVENTS_OF_A_BATCH)
        assert inbox.ids() == list(range(15 * EVENTS_OF_A_BATCH))
        assert inbox.count(event_loads, event_loads.c.attempt_count == 2) == 1
