"""From the inbox into the warehouse, on the real engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from include.state.tables import event_loads, inbox_batches, receipts
from tests.event_inbox import Inbox, own_inbox


@pytest.fixture
def inbox(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


class TestLoadEvents:
    def test_should_store_every_event_once_when_the_inbox_is_loaded(self, inbox: Inbox) -> None:
        inbox.put(range(1, 501))
        inbox.put(range(501, 701))
        report = inbox.load()
        assert (report.events, report.batches, len(report.load_ids), report.waiting_events) == (700, 2, 1, 0)
        assert inbox.ids() == list(range(1, 701))

    def test_should_empty_the_inbox_and_date_the_receipts_when_a_load_has_landed(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        inbox.load()
        assert inbox.count(inbox_batches) == 0
        assert inbox.count(receipts, receipts.c.landed_at.is_(None)) == 0
        assert inbox.count(event_loads, event_loads.c.landed_count == 10) == 1
