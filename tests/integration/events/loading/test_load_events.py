"""From the inbox into the warehouse, on the real engines."""

from __future__ import annotations

import datetime as dt
import gzip
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from include.days import utc_now
from include.errors import StoreConflict, StoreError
from include.events.loading import load_events as job
from include.events.loading.load_events import LOADER
from include.events.loading.loads import claim_load
from include.events.loading.status import read_status
from include.events.loading.tables import ensure_event_tables
from include.provenance.event_balances import balance_landed
from include.services.engines.endpoints import Endpoints
from include.state.locks import only_one
from include.state.tables import event_loads, event_quarantine, identities, inbox_batches, persons, receipts
from tests.event_inbox import Inbox, learning_event, own_inbox

DIGEST = "sum(cityHash64(* EXCEPT (load_id, receipt_id, received_at, version)))"


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        yield found


@pytest.fixture
def inbox(stores: Inbox) -> Inbox:
    stores.clear()
    return stores


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

    def test_should_do_nothing_when_nothing_waits(self, inbox: Inbox) -> None:
        report = inbox.load()
        assert (report.load_ids, report.is_busy) == ((), False)

    def test_should_load_in_order_of_arrival_and_keep_loads_small(self, inbox: Inbox) -> None:
        for first in range(0, 50, 10):
            inbox.put(range(first, first + 10))
        report = inbox.load(load_max_events=25)
        assert len(report.load_ids) == 3
        found = inbox.rows("event_id, load_id")
        assert [report.load_ids.index(load_id) for _, load_id in found] == [0] * 20 + [1] * 20 + [2] * 10

    def test_should_take_a_batch_that_is_larger_than_a_load(self, inbox: Inbox) -> None:
        inbox.put(range(30))
        inbox.put(range(30, 40))
        assert len(inbox.load(load_max_events=20).load_ids) == 2
        assert len(inbox.ids()) == 40

    def test_should_keep_every_column_as_it_was_accepted(self, inbox: Inbox) -> None:
        inbox.put([5], received_at=dt.datetime(2026, 11, 20, 13, 0, 0, 123456, tzinfo=dt.UTC))
        inbox.load()
        ((props, device_id, warnings, offset, received_at),) = inbox.rows(
            "props, device_id, warnings, offset_minutes, received_at"
        )
        assert props == '{"note":"a\\tb \\"c\\"","number":5}'
        assert device_id == "phone 5\t\\"
        assert (warnings, offset) == (["naive_time", "no_id"], None)
        assert received_at == dt.datetime(2026, 11, 20, 13, 0, 0, 123456, tzinfo=dt.UTC)

    def test_should_take_events_of_every_month_there_is_in_one_load(self, inbox: Inbox) -> None:
        months = 12 * (2100 - 1970)
        inbox.put(
            range(months), occurred_at=lambda number: f"{1970 + number // 12}-{number % 12 + 1:02d}-02 00:00:00.000"
        )
        assert len(inbox.load().load_ids) == 1
        assert inbox.warehouse.scalar("SELECT uniqExact(toYYYYMM(occurred_at)) FROM events FINAL") == months

    def test_should_change_nothing_when_the_same_events_are_loaded_twice(self, inbox: Inbox) -> None:
        """X6."""
        inbox.put(range(100))
        inbox.load()
        before = inbox.rows(DIGEST, order="1")
        again = utc_now()
        with inbox.state.begin() as connection:
            connection.execute(event_loads.delete())
        inbox.forget_ids()
        inbox.put(range(100), received_at=again)
        inbox.load()
        assert inbox.rows(DIGEST, order="1") == before
        assert inbox.ids() == list(range(100))

    def test_should_show_one_row_when_one_load_holds_an_event_twice(self, inbox: Inbox) -> None:
        """Only after its id was forgotten while it waited, which housekeeping does not do."""
        for _ in range(2):
            inbox.forget_ids()
            inbox.put(range(10))
        report = inbox.load()
        assert (report.events, report.repeats, len(report.load_ids)) == (20, 10, 1)
        assert inbox.ids() == list(range(10))
        since = utc_now() - dt.timedelta(days=1)
        assert balance_landed(inbox.warehouse, inbox.state, "events", since=since).residual == 0

    def test_should_say_so_and_end_well_when_another_loader_is_at_work(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        with only_one(inbox.state, LOADER) as is_ours:
            report = inbox.load()
        assert (is_ours, report.is_busy, inbox.count(inbox_batches)) == (True, True, 1)

    def test_should_repeat_a_load_that_somebody_began(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        begun = claim_load(inbox.state, most_events=100, run_id="lost")
        inbox.put(range(10, 20))
        assert begun is not None
        assert inbox.load().load_ids[0] == begun.load_id
        assert inbox.count(event_loads) == 2


class TestReadBack:
    def test_should_fail_and_keep_the_inbox_when_clickhouse_does_not_show_what_it_took(
        self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox.put(range(10))
        lost = f"ALTER TABLE events DELETE WHERE event_id = '{uuid.UUID(int=3)}' SETTINGS mutations_sync = 2"

        def lose(name: str) -> None:
            if name == "events_load.inserted":
                inbox.warehouse.execute(lost)

        monkeypatch.setattr(job, "failpoint", lose)
        with pytest.raises(StoreError, match=r"does not show 1 of 10 events"):
            inbox.load()
        assert (inbox.count(inbox_batches), inbox.count(receipts, receipts.c.landed_at.is_not(None))) == (1, 0)
        monkeypatch.undo()
        inbox.load()
        assert inbox.ids() == list(range(10))


class TestRefusedBatch:
    def test_should_not_halve_a_load_when_the_trouble_is_not_in_its_rows(self, inbox: Inbox) -> None:
        for first in range(0, 40, 10):
            inbox.put(range(first, first + 10))
        ensure_event_tables(inbox.warehouse, inbox.settings)
        wrong = "ALTER TABLE events ADD CONSTRAINT full CHECK throwIf(event_id != event_id OR 1, 'disk') = 0"
        inbox.warehouse.execute(wrong)
        with pytest.raises(StoreError, match="refused a statement"):
            inbox.load()
        assert inbox.count(event_loads) == 1
        inbox.warehouse.execute("ALTER TABLE events DROP CONSTRAINT full")
        inbox.load()
        assert inbox.ids() == list(range(40))

    def test_should_tell_nothing_of_the_rows_in_the_error(self, inbox: Inbox) -> None:
        inbox.put([1], schema_version="planted secret of a person")
        assert "planted" not in inbox.load().refused[0] + read_status(inbox.state).failure

    def test_should_land_all_others_and_name_the_batch_that_clickhouse_refuses(self, inbox: Inbox) -> None:
        for first in range(0, 80, 10):
            inbox.put(range(first, first + 10))
        damaged = inbox.put(range(80, 90), schema_version="not a number")
        for first in range(90, 120, 10):
            inbox.put(range(first, first + 10))
        (sentence,) = inbox.load().refused
        assert "of one batch waits: ClickHouse refused rows (code 27)" in sentence
        assert inbox.ids() == [*range(80), *range(90, 120)]
        assert inbox.count(inbox_batches, inbox_batches.c.receipt_number == damaged) == 1
        assert "refused rows" in read_status(inbox.state).failure

    def test_should_land_it_too_once_it_can_be_read(self, inbox: Inbox) -> None:
        inbox.put(range(10))
        damaged = inbox.put(range(10, 20), schema_version="not a number")
        inbox.load()
        with inbox.state.begin() as connection:
            payload = connection.execute(
                select(inbox_batches.c.payload).where(inbox_batches.c.receipt_number == damaged)
            ).scalar_one()
            mended = gzip.compress(gzip.decompress(payload).replace(b"not a number", b"0"))
            connection.execute(update(inbox_batches).values(payload=mended))
        inbox.load()
        assert inbox.ids() == list(range(20))
        assert read_status(inbox.state).failure == ""


class TestReplayed:
    def test_should_wait_from_the_replay_on_and_keep_its_time_of_reception(self, inbox: Inbox) -> None:
        long_ago = utc_now() - dt.timedelta(minutes=30)
        inbox.set_max_age(0)
        inbox.take_in([learning_event(1)], received_at=long_ago)
        inbox.set_max_age(90)
        assert inbox.replay().replayed == 1
        assert read_status(inbox.state).lag_seconds < 60
        inbox.load()
        assert inbox.rows("received_at") == [(long_ago,)]


class TestPeople:
    def test_should_register_each_person_by_the_strongest_identity(self, inbox: Inbox) -> None:
        inbox.put([1, 2, 98])
        assert inbox.load().people == 2
        with inbox.state.connect() as connection:
            found = connection.execute(select(identities.c.namespace, identities.c.external_id)).all()
        assert sorted(map(tuple, found)) == [("user_id", "1"), ("user_id", "2")]

    def test_should_keep_the_first_time_when_a_person_comes_again(self, inbox: Inbox) -> None:
        first_at = utc_now() - dt.timedelta(hours=2)
        inbox.put([1], received_at=first_at)
        inbox.load()
        inbox.put([98])
        assert inbox.load().people == 0
        with inbox.state.connect() as connection:
            assert connection.execute(select(persons.c.first_seen_at)).scalar_one() == first_at

    def test_should_keep_every_character_of_an_identity(self, inbox: Inbox) -> None:
        inbox.put([1], user_id="tab\\tback\\\\slash \\'quote\\' \\\\N ünïcode")
        inbox.load()
        with inbox.state.connect() as connection:
            kept = connection.execute(select(identities.c.external_id)).scalar_one()
        assert kept == "tab\tback\\slash 'quote' \\N ünïcode"

    def test_should_register_nobody_when_an_event_has_no_identity(self, inbox: Inbox) -> None:
        inbox.put([1], user_id="", device_id="", person_id=uuid.UUID(int=0))
        assert inbox.load().people == 0
        assert (inbox.count(persons), inbox.count(identities)) == (0, 0)


class TestRejections:
    def test_should_copy_the_quarantine_once(self, inbox: Inbox) -> None:
        inbox.reject(1_500)
        assert inbox.load().rejections == 1_500
        assert inbox.load().rejections == 0
        assert inbox.warehouse.scalar("SELECT count() FROM events_rejected FINAL") == 1_500

    def test_should_keep_bytes_that_are_no_text(self, inbox: Inbox) -> None:
        raw = b"\xff\x00\xfe not json"
        inbox.reject(1, raw=raw)
        inbox.load()
        assert inbox.warehouse.scalar("SELECT hex(raw) FROM events_rejected") == raw.hex().upper()

    def test_should_leave_one_row_when_a_copy_was_not_noted(self, inbox: Inbox) -> None:
        inbox.reject(3)
        inbox.load()
        with inbox.state.begin() as connection:
            connection.execute(update(event_quarantine).values(is_copied=False))
        inbox.load()
        assert inbox.warehouse.scalar("SELECT count() FROM events_rejected FINAL") == 3


class TestTables:
    def test_should_refuse_a_table_of_other_columns(self, inbox: Inbox) -> None:
        inbox.warehouse.execute("CREATE TABLE events (project UInt8) ENGINE = MergeTree ORDER BY project")
        inbox.put([1])
        with pytest.raises(StoreConflict, match="Column project of table events"):
            inbox.load()

    def test_should_use_the_name_of_the_settings(self, inbox: Inbox) -> None:
        inbox.put([1])
        inbox.load(events_table="raw_events")
        assert inbox.warehouse.scalar("SELECT count() FROM raw_events") == 1
        assert inbox.warehouse.scalar("SELECT count() FROM raw_events_rejected") == 0
