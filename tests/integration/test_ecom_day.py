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
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, CounterConfig, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.ecom_shop import FIRST_CLIENT_ID, write_shop
from tests.loading import own_stores

pytestmark = pytest.mark.shared_data

BUSIEST, MIDNIGHT_DAY = "2024-06-18", "2024-04-28"
SOON_AFTER = dt.datetime(2024, 6, 25, 9, tzinfo=dt.UTC)  # Metrika's "now" while it still links that day
RANGE_DAYS = 178  # 2024-01-04 to 2024-06-29, and the day its last hits are moved to


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
                **({"clock": lambda: clock} if clock else {}),
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
