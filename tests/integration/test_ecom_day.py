"""Real input: the public shop clickstream, served as a counter's logs, through the whole chain.

The numbers are those of the data set's own description, section 4, and of a recount in plain Python.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from include.__main__ import app
from include.days import iter_days, utc_now
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.loading.load_day import load_days
from include.metrika.loading.load_job import open_load
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, CounterConfig, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.services.stores import open_stores
from include.settings import Settings
from include.visits.scoring.score_day import score_day
from include.warehouse.client import Warehouse
from tests.ecom_shop import FIRST_CLIENT_ID, write_shop
from tests.loading import own_stores

pytestmark = pytest.mark.shared_data

BUSIEST = "2024-06-18"
SOON_AFTER = dt.datetime(2024, 6, 25, 9, tzinfo=dt.UTC)  # Metrika's "now" while it still links that day
RANGE = tuple(iter_days(dt.date(2024, 1, 4), dt.date(2024, 6, 29)))


class Counter:
    """One counter that serves the shop, with stores of its own."""

    def __init__(self, sandbox: SandboxHandle, environ: dict[str, str]) -> None:
        self.sandbox, self.environ = sandbox, environ
        clickhouse = Settings.from_env(environ).clickhouse
        assert clickhouse is not None
        self.warehouse = Warehouse(clickhouse)

    def run(self, *words: str) -> dict[str, Any]:
        """Run a command as a user does and read its line of JSON."""
        result = CliRunner().invoke(app, [*words, "--json"], env=self.environ)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout.strip().splitlines()[-1]))

    def prepare(self, day: str) -> dict[str, Any]:
        """Load and score a day."""
        assert self.run("load", "--date", day)["quarantined"] == 0
        return self.run("score", "--date", day)

    def row(self, sql: str) -> tuple[Any, ...]:
        return self.warehouse.execute(sql)[0]

    def track(self) -> dict[str, Any]:
        """Follow the uploads to the end; the sandbox needs a few hundredths of a second."""
        for _ in range(200):
            followed = self.run("conversions", "track")
            if not followed["pending"]:
                return followed
        raise AssertionError("the uploads did not end")


@pytest.fixture
def open_counter(
    endpoints: Endpoints, shared_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Counter]]:
    ecom = shared_data("retentioneering/ecom.csv.gz")
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:

        def start(clock: dt.datetime | None = None, **dressing: Any) -> Counter:
            files = write_shop(ecom, tmp_path, **dressing)
            config = SandboxConfig(
                counters=(CounterConfig(101, "Europe/Moscow"),),
                parts=3,
                queue_seconds=0.02,
                status_seconds=0.02,
                visits_file=files.visits_file,
                hits_file=files.hits_file,
                clock=(lambda: clock) if clock else utc_now,
            )
            sandbox = stack.enter_context(run_sandbox(config))
            given = {
                **stack.enter_context(own_stores(endpoints)),
                "METRIKA_API_URL": sandbox.url,
                "METRIKA_TOKEN": DEMO_TOKEN,
                "METRIKA_COUNTER": "101",
                "METRIKA_POLL_SECONDS": "0.05",
                "COUNTERFLOW_LOCAL_DIR": str(tmp_path),
            }
            return Counter(sandbox, given)

        yield start


@pytest.fixture
def shop(open_counter: Callable[..., Counter]) -> Counter:
    return open_counter()


class TestBusiestDay:
    def test_should_store_every_visit_and_hit(self, shop: Counter) -> None:
        loaded = shop.run("load", "--date", BUSIEST)
        assert (loaded["visits"], loaded["quarantined"], loaded["duplicates"]) == (46, 0, 0)
        assert shop.row(f"SELECT count() FROM hits WHERE date = '{BUSIEST}'") == (420,)
        assert loaded["received"] == loaded["visits"] + loaded["hits"]
        devices = shop.warehouse.execute("SELECT device_category, count() FROM visits GROUP BY 1 ORDER BY 1")
        assert devices == [("1", 28), ("2", 15), ("3", 3)]

    def test_should_measure_and_decide_as_the_description_of_the_data_says(self, shop: Counter) -> None:
        scored = shop.prepare(BUSIEST)
        assert (scored["scored"], scored["level4"], scored["by_rule"], scored["by_model"]) == (46, 34, 34, 0)
        sums = "sum(duration_seconds), sum(slots), sum(slot_range), sum(hit_count), sum(is_bounce)"
        assert shop.row(f"SELECT {sums} FROM visit_features") == (51_835, 395, 3_433, 420, 3)
        by_device = shop.warehouse.execute(
            "SELECT device_category, countIf(is_level4 = 1) FROM visit_scores GROUP BY 1 ORDER BY 1"
        )
        assert by_device == [("1", 22), ("2", 10), ("3", 2)]

    def test_should_list_the_level4_visits_in_counter_time(self, shop: Counter) -> None:
        rows = json.loads(Path(shop.prepare(BUSIEST)["path"]).read_text())
        assert len(rows) == 34
        assert rows == sorted(rows, key=lambda row: (row["dateTime"], int(row["visitId"])))
        assert {row["dateTime"][:10] for row in rows} == {BUSIEST}
        assert all(row["visitDuration"] >= 180 for row in rows)

    def test_should_measure_one_known_session_exactly(self, open_counter: Callable[..., Counter]) -> None:
        shop = open_counter()
        shop.prepare("2024-03-13")
        found = shop.row(
            "SELECT hit_count, duration_seconds, slots, slot_range, round(slot_density, 6), median_pause_seconds,"
            f" mean_pause_seconds, round(std_pause_seconds, 6) FROM visit_features WHERE client_id = {FIRST_CLIENT_ID}"
        )
        assert found == (11, 1576, 10, 105, 0.366748, 73.5, 157.6, 174.430043)

    def test_should_pass_over_listed_hits_that_are_missing(self, open_counter: Callable[..., Counter]) -> None:
        shop = open_counter(drop_every_tenth=True)
        assert shop.prepare(BUSIEST)["level4"] == 31
        sums = "sum(hit_count), sum(slots), sum(slot_range)"
        assert shop.row(f"SELECT {sums} FROM visit_features") == (381, 359, 3_422)


class TestMidnight:
    @pytest.mark.parametrize("names_visits", [False, True])
    def test_should_keep_the_hits_of_the_next_day_when_sessions_run_over_midnight(
        self, open_counter: Callable[..., Counter], names_visits: bool
    ) -> None:
        shop = open_counter(shift_hours=6, names_visits=names_visits)
        scored = shop.prepare("2024-05-20")  # three sessions over midnight with 24 hits; one is level 4+ by its tail
        assert (scored["scored"], scored["level4"]) == (41, 25)
        sums = "sum(hit_count), sum(slots), sum(join_disagrees)"
        assert shop.row(f"SELECT {sums} FROM visit_features") == (381, 361, 0)


class TestConversionsOfTheBusiestDay:
    def test_should_hold_visits_over_21_days_old_with_the_reason(self, shop: Counter) -> None:
        shop.prepare(BUSIEST)
        report = shop.run("conversions", "upload", "--date", BUSIEST)
        assert (report["sent"], report["held"], report["uploads"]) == (0, 34, [])
        assert report["counters"][0]["held_reasons"] == {"outside_match_window": 34}
        assert shop.sandbox.uploads(101) == []

    def test_should_end_linked_and_be_sent_once_when_old_visits_are_included(
        self, open_counter: Callable[..., Counter]
    ) -> None:
        shop = open_counter(clock=SOON_AFTER)
        shop.prepare(BUSIEST)
        assert shop.run("conversions", "upload", "--date", BUSIEST)["held"] == 34
        sent = shop.run("conversions", "upload", "--date", BUSIEST, "--include-old")
        assert (sent["sent"], sent["held"]) == (34, 0)
        followed = shop.track()
        assert (followed["processed"], followed["failed"], followed["linked"]) == (1, 0, 34)
        again = shop.run("conversions", "upload", "--date", BUSIEST, "--include-old")
        assert (again["sent"], again["already_sent"]) == (0, 34)
        assert len(shop.sandbox.uploads(101)) == 1
        assert shop.run("verify-day", "--date", BUSIEST)["holds"] is True

    def test_should_send_true_epoch_seconds_and_exact_ids(self, shop: Counter) -> None:
        shop.prepare(BUSIEST)
        shop.run("conversions", "upload", "--date", BUSIEST, "--include-old")
        rows = shop.sandbox.uploads(101)[0]["rows"]
        epochs = [int(row["DateTime"]) for row in rows]
        assert (len(epochs), min(epochs), max(epochs), sum(epochs)) == (
            34,
            1_718_689_620,
            1_718_734_536,
            58_436_149_152,
        )
        assert all(0 <= int(row["ClientId"]) - FIRST_CLIENT_ID < 600 for row in rows)

    def test_should_say_that_metrika_linked_nothing_when_its_window_is_over(self, shop: Counter) -> None:
        shop.prepare(BUSIEST)
        shop.run("conversions", "upload", "--date", BUSIEST, "--include-old")
        followed = shop.track()
        assert (followed["processed"], followed["failed"], followed["linked"]) == (0, 1, 0)


class TestWholeRange:
    def test_should_decide_every_session_as_the_description_says_when_all_days_are_scored(self, shop: Counter) -> None:
        settings = Settings.from_env(shop.environ)
        stores = open_stores(settings)
        gate = StateQuotaGate.for_settings(stores.state, settings.metrika)
        api = LogsApi(MetrikaSession(settings.metrika, gate))
        job = open_load(stores.warehouse, stores.state, api, settings.metrika, counter_id=101, run_id="range")
        report = load_days(job, RANGE)
        assert (report.visits, report.hits, report.quarantined) == (3_605, 31_106, 0)
        for day in RANGE:
            score_day(
                stores.warehouse, stores.state, counter_id=101, day=day, exports_dir=settings.exports_dir,
                models_dir=settings.models_dir, run_id="range",
            )  # fmt: skip
        by_device = (
            "SELECT device_category, count(), countIf(decided_by = 'rule') FROM visit_scores GROUP BY 1 ORDER BY 1"
        )
        assert shop.warehouse.execute(by_device) == [("1", 1_890, 1_373), ("2", 1_295, 945), ("3", 420, 319)]
        sums = "sum(duration_seconds), sum(slots), sum(slot_range), sum(hit_count)"
        assert shop.row(f"SELECT {sums} FROM visit_features") == (3_747_594, 29_317, 248_270, 31_106)
