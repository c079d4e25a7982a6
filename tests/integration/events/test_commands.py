"""The commands of events as people type them, and what doctor says of events."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.days import utc_now
from include.events.loading.load_events import LOADER
from include.services.doctor import Check, check_installation
from include.services.engines.endpoints import Endpoints
from include.state.locks import only_one
from include.state.tables import event_quarantine, inbox_batches, receipts
from tests.event_inbox import Inbox, own_inbox


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def inbox(stores: Inbox) -> Inbox:
    stores.clear()
    return stores


def run(inbox: Inbox, *words: str) -> Result:
    return CliRunner().invoke(app, ["events", *words], env=inbox.environ)


def told(inbox: Inbox, *words: str) -> dict[str, Any]:
    result = run(inbox, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def check_of(inbox: Inbox, name: str, folder: Path) -> Check:
    return next(one for one in check_installation(folder, inbox.environ) if one.name == name)


class TestLoad:
    def test_should_say_what_was_loaded(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        found = told(inbox, "load")
        assert (found["events"], found["batches"], found["waiting_events"]) == (10, 1, 0)

    def test_should_end_well_when_another_loader_is_at_work(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        with only_one(inbox.state, LOADER):
            result = run(inbox, "load")
        assert (result.exit_code, "another loader is at work" in result.stdout) == (0, True)

    def test_should_begin_no_second_load_when_the_time_is_over(self, inbox: Inbox) -> None:
        for first in (0, 10):
            inbox.put(range(first, first + 10))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EVENTS_LOAD_MAX_EVENTS", "10")
            found = told(inbox, "load", "--budget-seconds", "0")
        assert (found["events"], found["waiting_events"]) == (10, 10)


class TestStatus:
    def test_should_show_waiting_events_loads_and_balances(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        inbox.load()
        inbox.reject(2)
        inbox.put([11], received_at=utc_now() - dt.timedelta(seconds=90))
        result = run(inbox, "status")
        assert result.exit_code == 0
        for words in ("1 event in 1 batch", "2 events", "adds up", "Last loads", "events accepted, project default"):
            assert words in result.stdout

    def test_should_give_the_lag_and_every_balance_as_json(self, inbox: Inbox) -> None:
        inbox.put([1], received_at=utc_now() - dt.timedelta(seconds=90))
        found = told(inbox, "status")
        assert 90 <= found["lag_seconds"] < 120
        assert {one["residual"] for one in found["balances"]} == {0}

    def test_should_work_when_nothing_ever_came(self, inbox: Inbox) -> None:
        assert told(inbox, "status")["balances"] == []


class TestDoctor:
    def test_should_be_content_when_everything_landed(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(range(10))
        inbox.reject(3)
        inbox.load()
        for name in ("conservation", "event inbox", "events landed"):
            assert check_of(inbox, name, tmp_path).is_ok

    def test_should_find_an_inbox_row_that_somebody_deleted(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(range(10))
        with inbox.state.begin() as connection:
            connection.execute(delete(inbox_batches))
        found = check_of(inbox, "conservation", tmp_path)
        assert (found.is_ok, "events accepted" in found.detail, "residual 10" in found.detail) == (False, True, True)

    def test_should_find_a_rejected_event_that_somebody_deleted(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.reject(3)
        with inbox.state.begin() as connection:
            connection.execute(delete(event_quarantine).where(event_quarantine.c.position == 1))
        assert "residual 1" in check_of(inbox, "conservation", tmp_path).detail

    def test_should_find_a_receipt_that_does_not_add_up(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(range(10))
        with inbox.state.begin() as connection:
            connection.execute(update(receipts).values(received_count=12))
        assert "events received" in check_of(inbox, "conservation", tmp_path).detail

    def test_should_find_rows_that_are_gone_from_clickhouse(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(range(10))
        inbox.load()
        fourth = uuid.UUID(int=4)
        inbox.warehouse.execute(f"ALTER TABLE events DELETE WHERE event_id < '{fourth}' SETTINGS mutations_sync = 2")
        assert "residual 4" in check_of(inbox, "events landed", tmp_path).detail

    def test_should_find_a_table_that_is_gone_from_clickhouse(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put(range(10))
        inbox.load()
        inbox.warehouse.execute("DROP TABLE events SYNC")
        assert not check_of(inbox, "events landed", tmp_path).is_ok

    def test_should_complain_when_events_wait_for_long(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put([1], received_at=utc_now() - dt.timedelta(hours=1))
        found = check_of(inbox, "event inbox", tmp_path)
        assert (found.is_ok, "docs/operations.md" in found.next_step) == (False, True)

    def test_should_name_the_batch_that_clickhouse_refuses(self, inbox: Inbox, tmp_path: Path) -> None:
        inbox.put([1], schema_version="not a number")
        run(inbox, "load")
        found = check_of(inbox, "event inbox", tmp_path)
        assert (found.is_ok, "refused rows" in found.detail) == (False, True)
