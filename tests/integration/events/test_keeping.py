"""What housekeeping forgets of events, and that every balance holds afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from include.days import utc_now
from include.events.keeping import forget_events
from include.provenance.event_balances import balance_intake, balance_landed
from include.services.engines.endpoints import Endpoints
from include.state.tables import event_quarantine, event_seen, event_totals, inbox_batches, receipts
from tests.event_inbox import Inbox, own_inbox

NOW = utc_now()
LONG_AGO = NOW - dt.timedelta(days=100)
BEFORE = LONG_AGO - dt.timedelta(days=1)


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def inbox(stores: Inbox) -> Inbox:
    stores.clear()
    return stores


def residuals(inbox: Inbox) -> list[int]:
    return [one.residual for one in balance_intake(inbox.state, since=BEFORE)]


class TestForgetIds:
    def test_should_forget_ids_after_their_time_and_keep_younger_ones(self, inbox: Inbox) -> None:
        inbox.put(range(10), received_at=NOW - dt.timedelta(days=8))
        inbox.put(range(10, 15), received_at=NOW - dt.timedelta(days=6))
        inbox.load()
        assert forget_events(inbox.state, inbox.settings, NOW)["event_ids"] == 10
        assert inbox.count(event_seen) == 5

    def test_should_keep_ids_of_events_that_still_wait(self, inbox: Inbox) -> None:
        inbox.put(range(10), received_at=NOW - dt.timedelta(days=8))
        assert forget_events(inbox.state, inbox.settings, NOW)["event_ids"] == 0

    def test_should_forget_stored_answers_after_the_same_time(self, inbox: Inbox) -> None:
        inbox.put([1], received_at=NOW - dt.timedelta(days=8))
        with inbox.state.begin() as connection:
            connection.execute(update(receipts).values(answer=b"{}", request_key="POST /x key", body_key="/x digest"))
        assert forget_events(inbox.state, inbox.settings, NOW)["event_answers"] == 1
        with inbox.state.connect() as connection:
            row = connection.execute(select(receipts.c.answer, receipts.c.request_key, receipts.c.body_key)).one()
        assert tuple(row) == (None, None, None)


class TestDiscard:
    def test_should_discard_rejected_events_after_their_time(self, inbox: Inbox) -> None:
        inbox.reject(3, received_at=NOW - dt.timedelta(days=31))
        inbox.reject(2, received_at=NOW - dt.timedelta(days=29))
        assert forget_events(inbox.state, inbox.settings, NOW)["discarded_events"] == 3
        assert inbox.count(event_quarantine, event_quarantine.c.status == "open") == 2
        assert set(residuals(inbox)) == {0}


class TestDropReceipts:
    def test_should_keep_the_balances_when_receipts_and_quarantine_are_gone(self, inbox: Inbox) -> None:
        inbox.put(range(10), received_at=LONG_AGO)
        inbox.reject(4, received_at=LONG_AGO)
        inbox.load()
        before = balance_intake(inbox.state, since=BEFORE)
        assert forget_events(inbox.state, inbox.settings, NOW)["receipts"] == 2
        after = balance_intake(inbox.state, since=BEFORE)
        assert (inbox.count(receipts), inbox.count(event_quarantine), inbox.count(event_totals)) == (0, 0, 1)
        assert [(one.came, one.residual) for one in after] == [(one.came, 0) for one in before]

    def test_should_add_to_the_totals_when_more_of_the_same_day_goes_later(self, inbox: Inbox) -> None:
        for numbers in (range(10), range(10, 14)):
            inbox.put(numbers, received_at=LONG_AGO)
            inbox.load()
            forget_events(inbox.state, inbox.settings, NOW)
        with inbox.state.connect() as connection:
            assert connection.execute(select(event_totals.c.landed_count)).scalar_one() == 14
        assert set(residuals(inbox)) == {0}

    def test_should_keep_a_receipt_whose_events_wait(self, inbox: Inbox) -> None:
        inbox.put(range(10), received_at=LONG_AGO)
        assert forget_events(inbox.state, inbox.settings, NOW)["receipts"] == 0
        assert inbox.count(inbox_batches) == 1

    def test_should_keep_a_receipt_whose_rejections_are_not_copied_yet(self, inbox: Inbox) -> None:
        inbox.reject(1, received_at=LONG_AGO)
        assert forget_events(inbox.state, inbox.settings, NOW)["receipts"] == 0
        inbox.load()
        assert forget_events(inbox.state, inbox.settings, NOW)["receipts"] == 1

    def test_should_change_nothing_when_it_is_repeated(self, inbox: Inbox) -> None:
        inbox.put(range(10), received_at=LONG_AGO)
        inbox.load()
        forget_events(inbox.state, inbox.settings, NOW)
        again = forget_events(inbox.state, inbox.settings, NOW)
        assert set(again.values()) == {0}


class TestForgottenIds:
    """The same event again once its id is forgotten: accepted anew, one row for readers, every balance true."""

    @pytest.mark.parametrize("is_merged", [False, True])
    def test_should_keep_the_first_copy_and_land_the_load(self, inbox: Inbox, is_merged: bool) -> None:
        first_at = NOW - dt.timedelta(days=8)
        changes = {"occurred_at": f"{first_at:%Y-%m-%d %H:%M:%S}.000"}
        inbox.put(range(10), received_at=first_at, **changes)
        inbox.load()
        forget_events(inbox.state, inbox.settings, NOW)
        if is_merged:
            inbox.warehouse.execute("SYSTEM STOP MERGES events")
        inbox.put(range(5, 15), received_at=NOW, **changes)
        report = inbox.load()
        if is_merged:
            inbox.warehouse.execute("SYSTEM START MERGES events")
            inbox.warehouse.execute("OPTIMIZE TABLE events FINAL")
        assert (report.events, report.repeats) == (10, 5)
        assert inbox.ids() == list(range(15))
        since = NOW - dt.timedelta(days=1)
        assert balance_landed(inbox.warehouse, inbox.state, "events", since=since).residual == 0
        assert set(residuals(inbox)) == {0}
