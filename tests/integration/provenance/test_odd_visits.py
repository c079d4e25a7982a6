"""Passports of visits at the edges: midnight, Metrika's cap, ids used twice, ids beyond 2^63."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from include.errors import InputError
from include.provenance.passport.finding import find_cases, narrowing, only_case
from include.provenance.passport.questions import ask
from include.provenance.passport.verifying import read_passport
from include.registry.promotions import COMMAND, promote
from include.registry.versions import register
from include.visits.scoring.score_day import ScoreReport
from tests.visit_days import CLIENT, DAY, LoadedDay, loaded, migrated, score, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]

LAST_MINUTE = 86_400 - 60
Score = Callable[[LoadedDay], ScoreReport]


@pytest.fixture
def passport(loaded: LoadedDay, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The passport of a visit of the loaded counter, derived again."""

    def read(visit_id: int, **more: Any) -> dict[str, Any]:
        question = ask(visit_id=str(visit_id), counter_id=loaded.counter_id, **more)
        case = only_case(find_cases(loaded.warehouse, loaded.state, question), question)
        return read_passport(loaded.warehouse, loaded.state, case, models_dir=tmp_path / "models")

    return read


class TestMidnight:
    def test_should_list_the_hits_of_both_days(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        times = [LAST_MINUTE, LAST_MINUTE + 20, LAST_MINUTE + 70, LAST_MINUTE + 200]
        visit_id = loaded.add_visit(times, duration_seconds=200)
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert [hit["time"][:19] for hit in found["hits"]] == [
            "2025-07-01T23:59:00", "2025-07-01T23:59:20", "2025-07-02T00:00:10", "2025-07-02T00:02:20",
        ]  # fmt: skip
        assert (found["features"]["slots"], found["verified"], found["visit"]["date"]) == (4, True, "2025-07-01")


class TestReusedId:
    def test_should_ask_for_the_day_when_an_id_came_again_in_another_year(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        later = replace(loaded, day=DAY + dt.timedelta(days=366), visits=[], hits=[])
        for day, clicks in ((loaded, [0, 30]), (later, [0, 30, 60])):
            day.add_visit(clicks, visit_id=77, started=0 if day is loaded else 366 * 86_400)
            day.store()
            score(day)
        question = ask(visit_id="77", counter_id=loaded.counter_id)
        cases = find_cases(loaded.warehouse, loaded.state, question)
        assert (len(cases), narrowing(cases, question)) == (2, "date")
        with pytest.raises(InputError, match="2 conversions or visits match; give date as well"):
            only_case(cases, question)
        assert passport(77, day=DAY)["visit"]["date"] == DAY.isoformat()
        assert passport(77, day=later.day)["visit"]["date"] == later.day.isoformat()


class TestCap:
    def test_should_take_the_hits_that_name_the_visit_when_the_list_is_full(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([7 * number for number in range(500)])
        loaded.add_hit(5, 3_600, visit_id)  # beyond the list
        stranger = loaded.hits[10]["watch_id"]
        loaded.hits[10]["visit_id"] = 4  # listed, but names another
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        watch_ids = {hit["watch_id"] for hit in found["hits"]}
        assert (len(found["hits"]), found["features"]["hit_count"], found["verified"]) == (500, 500, True)
        assert "5" in watch_ids
        assert str(stranger) not in watch_ids

    def test_should_take_listed_hits_only_when_the_list_is_not_full(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([0, 20, 40])
        loaded.add_hit(5, 60, visit_id)
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert (len(found["hits"]), found["features"]["join_disagrees"], found["verified"]) == (3, 1, True)


class TestHits:
    def test_should_find_hits_that_carry_another_client(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([0, 20, 40])
        loaded.hits[1]["client_id"] = 12
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert (len(found["hits"]), found["verified"]) == (3, True)

    def test_should_settle_repeated_hits_as_scoring_does(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([0, 50, 90])
        loaded.add_hit(loaded.hits[1]["watch_id"], 20, 4)  # earlier, names another visit, another row
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert [hit["time"][17:19] for hit in found["hits"]] == ["00", "20", "30"]
        assert (found["features"]["median_pause_seconds"], found["verified"]) == (45.0, True)

    def test_should_be_an_empty_list_when_none_is_stored(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([], duration_seconds=5)
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert (found["hits"], found["decision"]["reason"], found["verified"]) == ([], "no_hits", True)


class TestIds:
    def test_should_stay_exact_when_they_are_beyond_2_63(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit([0, 30], visit_id=2**64 - 2, client_id=2**64 - 1)
        loaded.store()
        score(loaded)
        text = json.dumps(passport(visit_id))
        assert f'"visit_id": "{2**64 - 2}"' in text
        assert f'"client_id": "{2**64 - 1}"' in text
        assert f'"watch_id": "{2**63 + 11}"' in text

    def test_should_be_found_by_client_when_the_ids_are_that_large(self, loaded: LoadedDay, score: Score) -> None:
        loaded.add_visit([0, 30], visit_id=2**64 - 2)
        loaded.store()
        score(loaded)
        question = ask(client_id=str(CLIENT), counter_id=loaded.counter_id)
        assert [case.visit_id for case in find_cases(loaded.warehouse, loaded.state, question)] == [2**64 - 2]


class TestDay:
    def test_should_say_that_the_day_is_not_scored(self, loaded: LoadedDay, passport: Callable[..., Any]) -> None:
        visit_id = loaded.add_visit([0, 30])
        loaded.store()
        found = passport(visit_id)
        assert (found["decision"]["outcome"], found["decision"]["level4"]) == ("not_scored", None)
        assert (found["features"], found["rule"], found["runs"]["score"]) == (None, None, None)

    def test_should_say_that_the_day_was_not_uploaded(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any]
    ) -> None:
        visit_id = loaded.add_visit(list(range(0, 400, 20)), duration_seconds=400, page_views=9)
        loaded.store()
        score(loaded)
        found = passport(visit_id)
        assert (found["decision"]["outcome"], found["decision"]["reason"]) == ("not_uploaded", "rule")
        assert found["rule"] == {
            "180-5-5": True,
            "parts": [
                {"name": "duration_seconds", "value": 400, "at_least": 180, "holds": True},
                {"name": "page_views", "value": 9, "at_least": 5, "holds": True},
                {"name": "slots", "value": 20, "at_least": 5, "holds": True},
            ],
        }


class TestLinearModel:
    """Linear algebra answers one row alone by another routine than a block."""

    @pytest.fixture(autouse=True)
    def model(self, loaded: LoadedDay, tmp_path: Path) -> None:
        random = np.random.default_rng(3)
        rows = pd.DataFrame(random.random((500, 4)) * 40, columns=["slots", "mean_pause", "std_pause", "duration"])
        fitted = LogisticRegression(max_iter=500).fit(rows, rows["slots"] + random.normal(size=500) * 15 > 20)
        made = register(
            loaded.state, tmp_path / "models", name="level4_desktop", artefact=fitted, threshold=0.3,
            features=list(rows.columns),
        )  # fmt: skip
        promote(loaded.state, made.name, made.version, cause=COMMAND)

    @pytest.mark.parametrize("count", [1, 200])
    def test_should_answer_bit_for_bit_when_one_visit_is_asked_about_again(
        self, loaded: LoadedDay, score: Score, passport: Callable[..., Any], count: int
    ) -> None:
        random = np.random.default_rng(count)
        ids = [loaded.add_visit(np.cumsum(random.integers(0, 60, 6)).tolist(), page_views=2) for _ in range(count)]
        loaded.store()
        score(loaded)
        found = [passport(visit_id) for visit_id in ids[:25]]
        assert {one["model"]["name"] for one in found} == {"level4_desktop"}
        assert [one["mismatches"] for one in found] == [[]] * len(found)
