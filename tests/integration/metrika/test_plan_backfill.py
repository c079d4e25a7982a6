"""The backfill planner against the real sandbox and engines: plan, load, and look how far off it was."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.days import iter_days, utc_now
from include.metrika_sandbox.behaviour.config import CounterConfig
from include.services.engines.endpoints import Endpoints
from tests.command_line import CommandLine, command_line

KNOWN_DAYS, PLANNED_DAYS = 3, 7
COUNTERS = (CounterConfig(101, visits_per_day=400), CounterConfig(202, "America/New_York", visits_per_day=250))
EXACT = ("visits", "hits", "parts", "requests", "download_bytes", "raw_bytes", "derived_bytes")


def days_ago(count: int) -> dt.date:
    return utc_now().date() - dt.timedelta(days=count)


FIRST, LAST = days_ago(2 + PLANNED_DAYS), days_ago(3)


@pytest.fixture(scope="module")
def shop(endpoints: Endpoints) -> Iterator[CommandLine]:
    folder = Path(tempfile.mkdtemp(prefix="counterflow-plan-"))
    with command_line(endpoints, folder, counters=COUNTERS, parts=3, queue_seconds=0.2) as cli:
        cli.environ["METRIKA_COUNTER"] = "101,202"
        yield cli
    shutil.rmtree(folder)


def run_days(cli: CommandLine, first: dt.date, last: dt.date) -> None:
    for day in iter_days(first, last):
        for words in (("load",), ("score",), ("conversions", "upload")):
            cli.json(*words, "--date", day)


def served(cli: CommandLine) -> int:
    return sum(cli.sandbox.stats()["requests"].values())


@pytest.fixture(scope="module")
def plan(shop: CommandLine) -> dict[str, Any]:
    """A plan of seven days for two counters after three known days, and what the sandbox served for it."""
    run_days(shop, FIRST - dt.timedelta(days=KNOWN_DAYS), FIRST - dt.timedelta(days=1))
    made = shop.json("plan", "--from", FIRST, "--to", LAST)
    before = served(shop)
    run_days(shop, FIRST, LAST)
    return {**made, "served": served(shop) - before}


@pytest.fixture(scope="module")
def review(shop: CommandLine, plan: dict[str, Any]) -> dict[str, Any]:
    return shop.json("plan", "--review", plan["plan_id"])


class TestPlan:
    def test_should_name_every_day_when_none_is_loaded(self, plan: dict[str, Any]) -> None:
        wanted = [day.isoformat() for day in iter_days(FIRST, LAST)]
        assert [one["days"]["to_load"] for one in plan["counters"]] == [wanted, wanted]

    @pytest.mark.parametrize("name", EXACT)
    def test_should_be_within_a_fifth_when_days_are_like_known_ones(self, review: dict[str, Any], name: str) -> None:
        found = {one["name"]: one["error_percent"] for one in review["quantities"]}
        assert abs(found[name]) <= 20

    def test_should_count_the_requests_that_the_sandbox_served(self, plan: dict[str, Any]) -> None:
        assert plan["totals"]["requests"]["value"] == pytest.approx(plan["served"], rel=0.2)
