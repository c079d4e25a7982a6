"""E2, I1: a server that dies again and again loses nothing it acknowledged and stores nothing twice."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from include.accounts.keys import create_key
from include.services.engines.endpoints import Endpoints
from tests.event_inbox import Inbox, learning_event, own_inbox
from tests.served_intake import served

BATCHES, EVENTS_OF_A_BATCH = 300, 20
KILL_EVERY = 12  # batches; the point is reached a few batches after the start
POINTS = (
    "intake.checked", "intake.locked", "intake.remembered", "intake.receipted", "intake.quarantined", "intake.spooled",
    "intake.committed",
)  # fmt: skip


@pytest.fixture
def inbox(endpoints: Endpoints, tmp_path: Any) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        found.environ["COUNTERFLOW_LOCAL_DIR"] = str(tmp_path / "local")
        found.environ["EVENTS_KEY_REQUESTS_PER_SECOND"] = "100000"
        found.environ["EVENTS_KEY_EVENTS_PER_SECOND"] = "100000"
        yield found


class TestKilledServer:
    def test_should_keep_what_it_acknowledged_once_when_it_dies_again_and_again(self, inbox: Inbox) -> None:
        chance = random.Random(11)
        _, secret = create_key(inbox.state, project="default", scopes=["ingest"], label="", created_by="test")
        acknowledged: set[int] = set()
        rejected = duplicates = replayed = 0
        with served(inbox.environ, secret.value) as server:
            for batch in range(BATCHES):
                if batch % KILL_EVERY == 0:
                    server.kill_next(f"{chance.choice(POINTS)}:{chance.randint(1, KILL_EVERY - 2)}")
                numbers = range(batch * EVENTS_OF_A_BATCH, (batch + 1) * EVENTS_OF_A_BATCH)
                events: list[Any] = [learning_event(number) for number in numbers]
                is_keyed = batch % 3 == 0
                if batch % 5 == 0:
                    events.append({"id": str(uuid.uuid4())})
                if is_keyed:
                    events.append(None)  # no event at all; only the key tells a retry
                headers = {"Idempotency-Key": f"batch-{batch}"} if is_keyed else {}
                status, found, answer = server.post(events, headers)
                assert status == 202
                acknowledged |= {
                    uuid.UUID(one["event_id"]).int
                    for one in answer["verdicts"]
                    if one["event_id"] and one["verdict"] != "rejected"
                }
                rejected += answer["rejected"]
                duplicates += answer["duplicates"]
                replayed += "idempotency-replayed" in found
        assert server.deaths >= BATCHES / KILL_EVERY / 2
        assert acknowledged == set(range(BATCHES * EVENTS_OF_A_BATCH))
        assert (duplicates, replayed > 0) == (0, True)
        with inbox.state.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM event_quarantine")).scalar_one() == rejected
            assert connection.execute(text("SELECT count(*) FROM receipts")).scalar_one() == BATCHES
        inbox.load()
        assert inbox.ids() == list(range(BATCHES * EVENTS_OF_A_BATCH))
