"""The command ``plan``: which days it takes, what it asks of Metrika, and what wrong input gets."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.days import today_in, zone_of
from include.metrika_sandbox.behaviour.config import STORE_BYTES, CounterConfig
from include.metrika_sandbox.behaviour.faults import Faults, parse_faults
from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line

COUNTERS = (CounterConfig(101), CounterConfig(303, logins=("somebody else",)))
TODAY = today_in(zone_of("Europe/Moscow"))


def days_ago(count: int) -> dt.date:
    return TODAY - dt.timedelta(days=count)


@pytest.fixture(scope="module")
def shop(endpoints: Endpoints) -> Iterator[CommandLine]:
    """Ten days ago is loaded as it stays, two days ago may still change."""
    folder = Path(tempfile.mkdtemp(prefix="counterflow-plan-"))
    with command_line(endpoints, folder, counters=COUNTERS) as cli:
        for day in (days_ago(10), days_ago(2)):
            cli.json("load", "--date", day)
        yield cli
    shutil.rmtree(folder)


@pytest.fixture
def healed(shop: CommandLine) -> Iterator[CommandLine]:
    yield shop
    shop.sandbox.set_faults(Faults())


def plan(cli: CommandLine, first: int, last: int, *words: object) -> dict[str, Any]:
    return cli.json("plan", "--from", days_ago(first), "--to", days_ago(last), *words)


def evaluations(cli: CommandLine) -> int:
    return int(cli.sandbox.stats()["requests"].get("GET logrequests/evaluate", 0))


def refused(cli: CommandLine, *words: object, **changes: str) -> str:
    result = cli.run("plan", *words, **changes)
    assert result.exit_code in (1, 2)
    assert result.output.count("Error:") == 1
    return result.output


class TestDays:
    def test_should_leave_out_a_day_when_it_is_loaded_and_stays_as_it_is(self, shop: CommandLine) -> None:
        days = plan(shop, 11, 9)["counters"][0]["days"]
        assert days["unchanged"] == [str(days_ago(10))]
        assert days["to_load"] == [str(days_ago(11)), str(days_ago(9))]

    def test_should_load_a_day_again_when_its_visits_could_still_change(self, shop: CommandLine) -> None:
        days = plan(shop, 3, 2)["counters"][0]["days"]
        assert days["again"] == [str(days_ago(2))]

    def test_should_refuse_today_and_later_when_the_range_reaches_there(self, shop: CommandLine) -> None:
        days = plan(shop, 1, -1)["counters"][0]["days"]
        assert (days["to_load"], days["refused"]) == ([str(days_ago(1))], [str(TODAY), str(days_ago(-1))])

    def test_should_load_a_day_again_when_a_field_is_wanted_that_it_lacks(self, shop: CommandLine) -> None:
        result = shop.run(
            "plan", "--from", days_ago(10), "--to", days_ago(10), "--json", METRIKA_VISIT_FIELDS="ym:s:browser"
        )
        assert f'"again": ["{days_ago(10)}"]' in result.stdout

    def test_should_have_nothing_to_start_when_every_day_is_there(self, shop: CommandLine) -> None:
        made = plan(shop, 10, 10)
        assert (made["pieces"], made["commands"], made["scheduled_requests"]) == ([], [], 0)


class TestAsking:
    def test_should_ask_once_per_source_when_the_range_is_long(self, shop: CommandLine) -> None:
        before = evaluations(shop)
        plan(shop, 300, 1)
        assert evaluations(shop) - before == 2

    def test_should_not_ask_when_nothing_is_to_be_loaded(self, shop: CommandLine) -> None:
        before = evaluations(shop)
        plan(shop, 10, 10)
        assert evaluations(shop) == before

    def test_should_store_nothing_but_the_plan(self, shop: CommandLine) -> None:
        before = shop.contents()
        plan(shop, 20, 1)
        assert shop.contents() == before

    def test_should_plan_without_an_estimate_when_metrika_lacks_the_visit_of_hits(self, healed: CommandLine) -> None:
        healed.sandbox.set_faults(Faults(pv_visit_id="refused"))
        assert plan(healed, 20, 15)["totals"]["hits"]["value"] > 0


class TestLimits:
    def test_should_cut_the_range_when_it_takes_more_than_a_day_of_quota(self, shop: CommandLine) -> None:
        made = plan(shop, 365, 1)
        assert made["quota_days"] == 3  # 36 requests a day of the scheduler
        assert len(made["commands"]) == len(made["pieces"]) + 1

    def test_should_say_so_when_metrika_has_no_room(self, healed: CommandLine) -> None:
        healed.sandbox.set_faults(Faults(stored_bytes_preset=STORE_BYTES - 1000))
        assert "Metrika has room for 0.00 GB" in plan(healed, 20, 15)["problems"][0]

    def test_should_name_the_counter_in_the_commands_when_one_is_given(self, shop: CommandLine) -> None:
        scheduler, loop = plan(shop, 9, 8, "--counter", 101)["commands"]
        assert """--dag-run-conf '{"counters": [101]}'""" in scheduler
        assert "load --date" in loop
        assert "--counter 101" in loop


class TestWithoutHistory:
    def test_should_rest_on_the_estimate_and_widen_when_a_counter_is_new(
        self, endpoints: Endpoints, tmp_path: Path
    ) -> None:
        with command_line(endpoints, tmp_path, visits_per_day=300) as cli:
            visits = plan(cli, 20, 11)["totals"]["visits"]
        assert visits["low"] < 3000 < visits["high"]
        assert visits["high"] / visits["low"] > 2

    def test_should_ask_for_one_loaded_day_when_metrika_makes_no_estimate(
        self, endpoints: Endpoints, tmp_path: Path
    ) -> None:
        with command_line(endpoints, tmp_path, faults=parse_faults("evaluate_bare")) as cli:
            assert "load one day first" in refused(cli, "--from", days_ago(5), "--to", days_ago(4))


class TestReview:
    def test_should_compare_the_days_that_are_done_when_others_are_not(self, shop: CommandLine) -> None:
        made = plan(shop, 40, 38)
        shop.json("load", "--date", days_ago(39))
        found = shop.json("plan", "--review", made["plan_id"][:8])
        assert (found["planned_days"], found["loaded_days"]) == (3, 1)
        assert found["quantities"][0] == {"name": "visits", "planned": 150.0, "actual": 150, "error_percent": 0.0}

    def test_should_look_back_when_the_same_days_are_planned_again(self, shop: CommandLine) -> None:
        first = plan(shop, 50, 50)
        shop.json("load", "--date", days_ago(50))
        assert [one["plan_id"] for one in plan(shop, 50, 50)["reviews"]] == [first["plan_id"]]


class TestWrongInput:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--from", days_ago(3), "--to", days_ago(5)), "is reversed"),
            (("--from", days_ago(900), "--to", days_ago(1)), "longer than 366 days"),
            (("--from", days_ago(-2), "--to", days_ago(-5)), "is not over in Europe/Moscow"),
            (("--from", "2025-02-30", "--to", "2025-03-01"), "is not a day"),
            (("--from", days_ago(5)), "is not a day"),
            ((), "--review"),
            (("--review", "--from", days_ago(5)), "--review"),
            (("--review", "ffffffff-none"), "No plan begins with"),
            (("--from", days_ago(5), "--to", days_ago(4), "--counter", 999), "999"),
            (("--from", days_ago(5), "--to", days_ago(4), "--counter", 303), "303"),
        ],
    )
    def test_should_say_what_is_wrong(self, shop: CommandLine, words: tuple[object, ...], said: str) -> None:
        assert said in refused(shop, *words)

    def test_should_refuse_a_wrong_token_without_showing_it(self, shop: CommandLine) -> None:
        said = refused(shop, "--from", days_ago(5), "--to", days_ago(4), METRIKA_TOKEN="y0_wrong_secret_token")
        assert "y0_wrong_secret_token" not in said

    def test_should_have_no_plan_to_look_back_at_when_none_was_made(self, endpoints: Endpoints, tmp_path: Path) -> None:
        with command_line(endpoints, tmp_path) as cli:
            assert "No plan was made yet" in refused(cli, "--review")


class TestWords:
    def test_should_show_figures_quota_and_the_command_when_people_ask(self, shop: CommandLine) -> None:
        result = shop.run("plan", "--from", days_ago(9), "--to", days_ago(8), COLUMNS="200")
        for words in ("requests of the loop", "of 5,000 requests a day", "airflow backfill create", "free"):
            assert words in result.output

    def test_should_show_how_far_off_it_was_when_people_look_back(self, shop: CommandLine) -> None:
        made = plan(shop, 60, 60)
        shop.json("load", "--date", days_ago(60))
        result = shop.run("plan", "--review", made["plan_id"], COLUMNS="200")
        assert "1 of 1 counter-days loaded" in result.output
        assert "+0.0 %" in result.output
