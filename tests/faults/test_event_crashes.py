"""I1, E2: killed anywhere in a load and run again, every accepted event is in ClickHouse exactly once."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from include.days import utc_now
from include.events.loading.load_events import FAILPOINTS
from include.events.tables import rejected_table
from include.provenance.event_balances import balance_intake, balance_landed
from include.services.engines.endpoints import Endpoints
from include.state.tables import event_loads, event_quarantine, identities, inbox_batches, persons, receipts
from tests.event_inbox import Inbox, learning_event, own_inbox
from tests.load_events_process import load_and_die

BATCHES, EVENTS_OF_A_BATCH, REJECTED = 7, 30, 5
LOAD_EVENTS = 2 * EVENTS_OF_A_BATCH  # four loads, the last of one batch
OF_THE_CALL = ("events_load.begun", "events_load.rejections_copied", "events_load.rejections_marked")
TIMES = (1, 2, 4)  # in the first load, in a middle one, in the last
POINTS_OF_A_LOAD = [point for point in FAILPOINTS if point not in OF_THE_CALL]
MANY_BATCHES = 1_000
KILLS = [f"{point}:{time}" for point in FAILPOINTS for time in (TIMES if point not in OF_THE_CALL else (1,))]


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def inbox(stores: Inbox) -> Inbox:
    stores.clear()
    for batch in range(BATCHES):
        stores.put(range(batch * EVENTS_OF_A_BATCH, (batch + 1) * EVENTS_OF_A_BATCH))
    stores.reject(REJECTED)
    return stores


def assert_all_landed(inbox: Inbox) -> None:
    """Acknowledged = landed + quarantined, one row per id, nothing waits, every balance adds up."""
    assert inbox.ids() == list(range(BATCHES * EVENTS_OF_A_BATCH))
    copies = inbox.warehouse.scalar(f"SELECT count() FROM {rejected_table('events').name} FINAL")
    acknowledged = BATCHES * EVENTS_OF_A_BATCH + REJECTED
    with inbox.state.connect() as connection:
        received = connection.execute(select(func.sum(receipts.c.received_count))).scalar_one()
    assert (received, len(inbox.ids()) + copies) == (acknowledged, acknowledged)
    waiting = [
        inbox.count(inbox_batches),
        inbox.count(receipts, receipts.c.landed_at.is_(None)),
        inbox.count(event_loads, event_loads.c.landed_at.is_(None)),
        inbox.count(event_quarantine, event_quarantine.c.is_copied.is_(False)),
    ]
    assert waiting == [0, 0, 0, 0]
    since = utc_now() - dt.timedelta(days=1)
    balances = [
        *balance_intake(inbox.state, since=since),
        balance_landed(inbox.warehouse, inbox.state, "events", since=since),
    ]
    assert [one.residual for one in balances] == [0] * len(balances)
    assert (inbox.count(persons), inbox.count(identities)) == (97, 97)


class TestI1KilledLoad:
    def test_should_have_at_least_twenty_points(self) -> None:
        assert len(KILLS) >= 20

    @pytest.mark.parametrize("point", KILLS)
    def test_should_land_every_event_once_when_killed_and_run_again(self, inbox: Inbox, point: str) -> None:
        assert load_and_die(inbox.environ, point, LOAD_EVENTS)
        inbox.load(load_max_events=LOAD_EVENTS)
        assert_all_landed(inbox)

    def test_should_land_a_thousand_batches_when_loaders_die_while_they_come_in(self, stores: Inbox) -> None:
        """E2: each load is killed, at one point after the other, and the last one is not."""
        stores.clear()
        deaths, points = 0, itertools.cycle(POINTS_OF_A_LOAD)
        for batch in range(MANY_BATCHES):
            outcome = stores.take_in([learning_event(number) for number in (2 * batch, 2 * batch + 1)])
            assert outcome.accepted == 2
            if batch % 50 == 49:
                deaths += load_and_die(stores.environ, next(points), load_max_events=60)
        stores.load(load_max_events=60)
        assert deaths == MANY_BATCHES / 50
        assert stores.ids() == list(range(2 * MANY_BATCHES))
        assert (stores.count(inbox_batches), stores.count(receipts)) == (0, MANY_BATCHES)

    def test_should_land_every_event_once_when_killed_again_and_again(self, inbox: Inbox) -> None:
        deaths = [load_and_die(inbox.environ, f"{point}:1", LOAD_EVENTS) for point in FAILPOINTS]
        inbox.load(load_max_events=LOAD_EVENTS)
        assert sum(deaths) > len(FAILPOINTS) / 2
        assert_all_landed(inbox)
