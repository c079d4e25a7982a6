"""The tests of drift on generated traffic: how often clean days are blocked, how often planted drift is found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from include.visits.devices import DEVICE_NAMES
from include.visits.monitoring.checks import DRIFT, Check, DriftRules, Tally, check_feature, judge_together
from include.visits.monitoring.drift import ALL_DEVICES, DEVICE_MIX, FEATURES, SCORE_FEATURES, cut_points
from include.visits.monitoring.reference import window_before
from tests.monitored_days import draw_day

RULES = DriftRules()
FIRST = dt.date(2025, 1, 6)
DECILES = np.arange(0.1, 1.0, 0.1)
CLEAN_DAYS = 200
PLANTED: dict[str, dict[str, float]] = {
    "pauses twice as long": {"pause_times": 2.0},
    "many more phones": {"mobile_share": 0.8},
    "a tracker that loses hits": {"lost_hits_share": 0.4},
    "more bounces": {"bounce_share": 0.6},
}
Visits = Mapping[tuple[str, str], np.ndarray]


def draw(day: dt.date, visits: int, **shifts: float) -> Visits:
    """A day by device and feature; its weekday and its own luck move it a little."""
    rng = np.random.default_rng([day.toordinal(), visits, len(shifts)])
    weekend = day.isoweekday() > 5
    usual = {
        "bounce_share": 0.35 + 0.04 * weekend + rng.normal(0, 0.01),
        "mobile_share": 0.55 + 0.06 * weekend + rng.normal(0, 0.01),
        "pause_times": float(np.exp(rng.normal(0, 0.03))),
    }
    drawn = draw_day(rng, visits, **{**usual, **shifts})
    found: dict[tuple[str, str], np.ndarray] = {(ALL_DEVICES, DEVICE_MIX): (drawn["device_category"] == "2") + 0.0}
    asked = np.array([score is not None for score in drawn["score"]])
    for device in ("1", "2"):
        chosen = drawn["device_category"] == device
        scored = chosen & asked
        values: dict[str, Any] = {name: drawn[name][chosen] for name in FEATURES[:-1]}
        values["flagged_by_rule"] = drawn["reason"][chosen] == "rule"
        values["score"], values["flagged_by_model"] = drawn["score"][scored], drawn["is_level4"][scored]
        found.update({(DEVICE_NAMES[device], name): np.asarray(one, float) for name, one in values.items()})
    return found


@cache
def clean(day: dt.date, visits: int) -> Visits:
    return draw(day, visits)


def judge(day: dt.date, visits: int, drawn: Visits) -> list[Check]:
    """Every check of a day against the 28 clean days before, as the report makes them."""
    days = window_before(day)
    before = {one: clean(one, visits) for one in days}
    return judge_together([_check(key, day, drawn[key], before) for key in drawn], RULES)


def _check(key: tuple[str, str], day: dt.date, values: np.ndarray, before: Mapping[dt.date, Visits]) -> Check:
    of_reference = {one: drawn[key] for one, drawn in before.items()}
    edges = cut_points(np.quantile(np.concatenate(list(of_reference.values())), DECILES).tolist())
    of_days = {**of_reference, day: values}
    counts = {
        one: np.bincount(np.searchsorted(edges, found), minlength=len(edges) + 1).astype(float)
        for one, found in of_days.items()
    }
    return check_feature(*key, Tally(counts, {}), day, list(before))


def is_blocked(checks: Sequence[Check]) -> bool:
    return any(check.verdict == DRIFT for check in checks)


class TestCleanDays:
    @pytest.mark.parametrize("visits", [130, 1_000])
    def test_should_block_no_more_days_than_the_level_says(self, visits: int) -> None:
        days = [FIRST + dt.timedelta(days=28 + number) for number in range(CLEAN_DAYS)]
        blocked = [day for day in days if is_blocked(judge(day, visits, clean(day, visits)))]
        assert len(blocked) / CLEAN_DAYS <= RULES.level

    def test_should_compare_every_feature_when_there_are_enough_visits(self) -> None:
        checks = judge(FIRST, 1_000, clean(FIRST, 1_000))
        assert len(checks) == 2 * (len(FEATURES) + len(SCORE_FEATURES)) + 1
        assert [check.feature for check in checks if check.p_value is None] == []


class TestPlantedDrift:
    @pytest.mark.parametrize("planted", PLANTED)
    @pytest.mark.parametrize("visits", [500, 2_000])
    def test_should_find_nineteen_of_twenty(self, planted: str, visits: int) -> None:
        days = [FIRST + dt.timedelta(days=28 + number) for number in range(20)]
        found = [is_blocked(judge(day, visits, draw(day, visits, **PLANTED[planted]))) for day in days]
        assert sum(found) >= 19
