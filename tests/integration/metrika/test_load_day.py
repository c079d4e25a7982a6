"""The load job against the real sandbox, ClickHouse and PostgreSQL."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from include.days import today_in
from include.errors import (
    InputError,
    QuotaExceeded,
    SourceDataError,
    SourceRejected,
    SourceRequestFailed,
    SourceUnavailable,
)
from include.metrika.client.logs_api import LogRequest, LogsApi
from include.metrika.fields import resolving as fields
from include.metrika.loading import load_day
from include.metrika.loading.load_day import load_days
from include.metrika.loading.load_job import EARLIEST_ZONE, open_load, order_days, refresh_days
from include.metrika.requests.releasing import release_stale
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults, parse_faults
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.state.counters import write_counter
from include.state.manifest import read_stages
from include.state.tables import counters, log_requests
from tests.loading import DAY, Loading, loading_from, own_stores

NEXT = DAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def stores(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as environ:
        yield environ


@pytest.fixture
def start(stores: dict[str, str]) -> Iterator[Callable[..., tuple[SandboxHandle, Loading]]]:
    """Start a sandbox with faults, and a loader towards it with empty tables."""
    with contextlib.ExitStack() as stack:

        def make(faults: str = "", **config: Any) -> tuple[SandboxHandle, Loading]:
            given = {"visits_per_day": 300, "parts": 4, "queue_seconds": 0.05} | config
            sandbox = stack.enter_context(run_sandbox(SandboxConfig(faults=parse_faults(faults), **given), port=0))
            loading = stack.enter_context(loading_from(sandbox.url, DEMO_TOKEN, stores))
            for table in ("visits", "hits", "visits_quarantine", "hits_quarantine"):
                loading.warehouse.execute(f"DROP TABLE IF EXISTS {table} SYNC")
            with loading.state.begin() as connection:
                connection.exec_driver_sql("TRUNCATE day_stages, log_requests CASCADE")
            return sandbox, loading

        yield make


def _digests(loading: Loading, counter_id: int = 101) -> dict[tuple[str, dt.date], str]:
    with loading.state.connect() as connection:
        return {(r.stage, r.day): r.digest for r in read_stages(connection, counter_id, [DAY, NEXT])}


def _served(sandbox: SandboxHandle, loading: Loading, table: str) -> int:
    return int(loading.warehouse.scalar(f"SELECT count() FROM {table}"))


@pytest.fixture
def healthy(start: Callable[..., tuple[SandboxHandle, Loading]]) -> dict[tuple[str, dt.date], str]:
    """Digests of an undisturbed load."""
    _, loading = start()
    loading.load()
    return _digests(loading)


class TestM4AllParts:
    def test_should_store_every_part_when_a_log_has_many(self, start: Callable[..., Any]) -> None:
        sandbox, loading = start(parts=12)
        report = loading.load()
        assert (report.visits, report.quarantined, report.duplicates) == (300, 0, 0)
        assert report.received == report.visits + report.hits
        assert report.hits == _served(sandbox, loading, "hits")

    @pytest.mark.parametrize(
        "fault",
        [
            "truncated_part", "dropped_socket", "gzip_broken", "identity_encoding", "missing_trailing_lf",
            "awaiting_retry", "server_errors=0.1", "connection_resets=0.05", "quota_429=0.1", "quota_420=0.1",
            "quota_403=0.1", "slow_answers=0.1", "source_as_list", "evaluate_bare", "lost_create_reply",
        ],
    )  # fmt: skip
    def test_should_store_the_same_rows_when_metrika_misbehaves(
        self, healthy: dict[Any, str], start: Callable[..., Any], fault: str
    ) -> None:
        sandbox, loading = start(fault)
        report = loading.load()
        assert report.visits == 300
        assert _digests(loading) == healthy
        assert sandbox.stored_bytes(101) == 0
        assert loading.staging_tables() == []


class TestM1EvaluateAndSplit:
    def test_should_load_every_day_once_when_the_store_holds_one_day_only(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        days = (DAY, NEXT, NEXT + dt.timedelta(days=1))
        whole = loading.load(*days)
        before = _digests(loading)
        bytes_per_day = 120_000
        sandbox, split = start(f"full_storage={10 * 1024**3 - bytes_per_day}", visits_per_day=300)
        assert split.load(*days).visits == whole.visits == 900
        assert _digests(split) == before
        assert sandbox.stored_bytes(101) - (10 * 1024**3 - bytes_per_day) <= 0

    def test_should_refuse_with_numbers_when_the_store_is_full(self, start: Callable[..., Any]) -> None:
        _, loading = start("full_storage")
        with pytest.raises(SourceRejected, match=r"10.?737.?418.?240|stor"):
            loading.load()


class TestM3ClosedDay:
    def test_should_refuse_before_any_request_when_the_day_is_not_over(self, start: Callable[..., Any]) -> None:
        sandbox, loading = start()
        job = loading.job()
        before = sandbox.stats()
        with pytest.raises(InputError, match="is not over"):
            load_days(job, (dt.date.today() + dt.timedelta(days=1),))
        assert sandbox.stats()["requests"] == before["requests"]

    @pytest.mark.parametrize(("known", "ahead_days"), [(False, 1), (True, 0)])
    def test_should_not_even_ask_about_the_counter_when_no_zone_or_its_own_has_ended_the_day(
        self, start: Callable[..., Any], known: bool, ahead_days: int
    ) -> None:
        sandbox, loading = start()
        job = loading.job()
        with loading.state.begin() as connection:
            connection.execute(delete(counters))
            if known:
                write_counter(connection, job.counter)
        before = sandbox.stats()["requests"]
        zone = job.counter.zone if known else EARLIEST_ZONE
        with pytest.raises(InputError, match="is not over"):
            open_load(
                job.warehouse, job.state, job.api, job.settings,
                counter_id=101, run_id="test", days=(today_in(zone) + dt.timedelta(days=ahead_days),),
            )  # fmt: skip
        assert sandbox.stats()["requests"] == before


class TestM4ForeignPages:
    @pytest.mark.parametrize("page", [b"", b"<html>502 Bad Gateway</html>"])
    def test_should_fetch_a_part_again_when_a_page_came_in_its_place(
        self, healthy: dict[Any, str], start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, page: bytes
    ) -> None:
        _, loading = start()
        spoiled: set[int] = set()
        real = LogsApi.open_part

        @contextlib.contextmanager
        def open_part(api: LogsApi, request: LogRequest, number: int, **options: Any) -> Iterator[Any]:
            with real(api, request, number, **options) as stream:
                if number in spoiled:
                    yield stream
                else:
                    spoiled.add(number)
                    yield SimpleNamespace(encoding="identity", iter_raw=lambda: iter([page]))

        monkeypatch.setattr(LogsApi, "open_part", open_part)
        assert loading.load().visits == 300
        assert _digests(loading) == healthy
        assert spoiled


class TestM9Cleaning:
    def test_should_keep_the_stored_day_when_metrika_does_not_take_the_log_back(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox, loading = start()

        def refuse(*_: object) -> bool:
            raise SourceUnavailable("Metrika does not answer.")

        with monkeypatch.context() as patch:
            patch.setattr(load_day, "release", refuse)
            assert loading.load().visits == 300
        assert loading.rows("visits", "count()") == [(300,)]
        assert sandbox.stored_bytes(101) > 0
        assert loading.load().unchanged
        job = loading.job()
        release_stale(job.api, job.state, 101, dt.timedelta(days=2))
        assert sandbox.stored_bytes(101) == 0


class TestM7Failing:
    def test_should_say_the_status_and_load_again_when_a_request_fails(
        self, healthy: dict[Any, str], start: Callable[..., Any]
    ) -> None:
        sandbox, loading = start("processing_failed")
        with pytest.raises(SourceRequestFailed, match="processing_failed"):
            loading.load()
        assert sandbox.stored_bytes(101) == 0
        sandbox.set_faults(Faults())
        assert loading.load().visits == 300
        assert _digests(loading) == healthy


class TestM8Resume:
    def test_should_reuse_own_requests_when_they_were_ordered_before(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        job = loading.job()
        ordered = {own.request_id for own in order_days(job, (DAY,))}
        load_days(job, (DAY,))
        with loading.state.connect() as connection:
            used = {row.request_id for row in connection.execute(select(log_requests.c.request_id))}
        assert used == ordered


class TestM11Quarantine:
    def test_should_account_for_every_row_when_some_are_spoiled(self, start: Callable[..., Any]) -> None:
        _, loading = start("garbage_rows=0.02")
        report = loading.load(quarantine_share=0.2)
        bad = sum(_count(loading, f"{source}_quarantine") for source in ("visits", "hits"))
        assert report.quarantined == bad > 0
        assert report.received == report.visits + report.hits + report.quarantined
        assert report.visits == _count(loading, "visits")

    def test_should_store_nothing_when_too_many_rows_are_spoiled(self, start: Callable[..., Any]) -> None:
        sandbox, loading = start("garbage_rows=0.3")
        with pytest.raises(SourceDataError, match="cannot be read"):
            loading.load()
        assert _count(loading, "visits") == 0
        assert _digests(loading) == {}
        assert sandbox.stored_bytes(101) == 0
        assert loading.staging_tables() == []

    def test_should_name_the_fields_when_the_header_differs(self, start: Callable[..., Any]) -> None:
        _, loading = start("header_changed")
        with pytest.raises(SourceDataError, match="unexpected"):
            loading.load()

    @pytest.mark.parametrize("faults", ["", "quotes_wrapped"])
    def test_should_read_text_fields_in_both_quote_modes(self, start: Callable[..., Any], faults: str) -> None:
        extra = ("ym:s:startURL", "ym:s:referer", "ym:s:goalsDateTime", "ym:s:goalsID", "ym:s:lastsignMessenger")
        _, loading = start(faults)
        report = loading.load(visit_fields=extra, hit_fields=("ym:pv:URL", "ym:pv:title", "ym:pv:params"))
        assert (report.quarantined, report.visits) == (0, 300)


class TestM12Schema:
    def test_should_add_a_column_without_losing_days_when_a_field_is_added(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        loading.load()
        loading.load(NEXT, visit_fields=("ym:s:startURL",))
        found = loading.warehouse.execute(
            "SELECT date, count(), countIf(start_url != '') FROM visits GROUP BY date ORDER BY date"
        )
        assert [row[:2] for row in found] == [(DAY, 300), (NEXT, 300)]
        assert found[0][2] == 0 < found[1][2]

    def test_should_refuse_an_unknown_field_before_any_request(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        with pytest.raises(InputError, match="ym:s:startUrl"):
            loading.load(visit_fields=("ym:s:startUrl",))

    def test_should_load_when_an_earlier_run_asked_for_further_fields(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        loading.load(NEXT, visit_fields=("ym:s:startURL", "ym:s:goalsID"), hit_fields=("ym:pv:title",))
        assert not loading.load().unchanged
        assert loading.load().unchanged


class TestM2LongFieldLists:
    def test_should_join_halves_by_key_when_the_list_is_too_long(
        self, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        extra = ("ym:s:startURL", "ym:s:endURL", "ym:s:referer", "ym:s:browser", "ym:s:operatingSystem")
        _, whole = start()
        whole.load(visit_fields=extra)
        expected = whole.rows("visits", "visit_id, start_url, end_url, referer, browser, operating_system", "visit_id")
        monkeypatch.setattr(fields.split_fields, "__defaults__", (150,))
        _, halves = start()
        report = halves.load(visit_fields=extra)
        columns = "visit_id, start_url, end_url, referer, browser, operating_system"
        assert halves.rows("visits", columns, "visit_id") == expected
        assert report.visits == 300


class TestM13AtomicDay:
    def test_should_change_nothing_when_a_day_is_loaded_twice(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        first, before = loading.load(), _digests(loading)
        second = loading.load()
        assert (first.unchanged, second.unchanged) == (False, True)
        assert _digests(loading) == before

    def test_should_remove_the_day_when_it_has_become_empty(self, start: Callable[..., Any]) -> None:
        _, loading = start()
        loading.load()
        _, empty = start(empty_dates=frozenset({DAY, NEXT}))
        report = empty.load()
        assert (report.visits, report.hits, report.received) == (0, 0, 0)
        assert _count(empty, "visits") == 0


class TestM14LateVisits:
    def test_should_report_a_change_only_when_visits_changed(self, start: Callable[..., Any]) -> None:
        sandbox, loading = start()
        loading.load()
        assert loading.load().changed_days == ()
        sandbox.edit_visits(101, DAY, 5)
        assert DAY.isoformat() in loading.load().changed_days

    @pytest.mark.parametrize(("back", "expected"), [(1, 4), (4, 4), (5, 1), (30, 1)])
    def test_should_refresh_only_days_that_may_still_change(self, back: int, expected: int) -> None:
        now = dt.datetime(2025, 7, 20, 12, tzinfo=dt.UTC)
        day = dt.date(2025, 7, 20) - dt.timedelta(days=back)
        assert len(refresh_days(day, ZoneInfo("Europe/Moscow"), 3, now)) == expected


class TestM15Keys:
    def test_should_fetch_hits_of_the_next_day_when_a_visit_runs_over_midnight(self, start: Callable[..., Any]) -> None:
        _, loading = start(visits_per_day=5000)
        loading.load()
        tail = loading.warehouse.scalar(
            "SELECT count() FROM hits WHERE date = %(next)s AND visit_id IN (SELECT visit_id FROM visits)",
            {"next": NEXT},
        )
        assert tail > 0

    def test_should_load_without_the_visit_id_of_hits_when_metrika_refuses_it(self, start: Callable[..., Any]) -> None:
        _, loading = start("no_watch_ids_visit_id")
        assert loading.load().visits == 300
        assert loading.warehouse.scalar("SELECT max(visit_id) FROM hits") == 0


class TestDailyQuota:
    def test_should_say_when_to_come_back_when_the_daily_quota_is_used_up(self, start: Callable[..., Any]) -> None:
        _, loading = start("daily_quota")
        with pytest.raises(QuotaExceeded) as caught:
            loading.load()
        assert caught.value.is_daily


def _count(loading: Loading, table: str) -> int:
    return int(loading.warehouse.scalar(f"SELECT count() FROM {table}"))
