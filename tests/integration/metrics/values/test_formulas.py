"""L8, L9: given events, expected values; every metric and version at the edges of its rule, in the golden week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.metrics.names import VERSIONS, Metric
from include.metrics.periods.grains import Grain, period_of
from tests.metric_events import MONDAY, Learned, learned
from tests.metric_values import Learners

ALL = {(str(metric), version) for metric in Metric for version in VERSIONS}
TOT1, TOT2 = ("time_on_task", 1), ("time_on_task", 2)
FOCUS1, FOCUS2 = ("focus_ratio", 1), ("focus_ratio", 2)
ENGAGED1, ENGAGED2 = ("engagement_score", 1), ("engagement_score", 2)
DONE1, DONE2 = ("completion_rate", 1), ("completion_rate", 2)
ACTIVE1, ACTIVE2 = ("activity_index", 1), ("activity_index", 2)
BACK1, BACK2 = ("retention", 1), ("retention", 2)
Expected = tuple[float | None, float | None, float | None, int, str]  # value, numerator, denominator, sample, reason


@dataclass(frozen=True)
class Case:
    """Events of one person, and what follows from them."""

    name: str
    events: tuple[Learned, ...]
    expected: dict[tuple[str, int], Expected]
    zone: str = "UTC"


def at(time: str, name: str = "page_view", day: str = "03", **props: Any) -> Learned:
    return learned(f"2025-03-{day} {time}", name, props=props)


CASES = (
    Case(
        "one event",
        (at("10:00:00"),),
        {
            BACK1: (0, 0, 1, 1, ""),
            BACK2: (0, 0, 1, 1, ""),
            ENGAGED1: (1, None, None, 1, ""),
            ENGAGED2: (0, 0, 1, 1, ""),
            DONE1: (0, 0, 0, 0, ""),
            DONE2: (None, None, None, 0, "no_catalogue"),
            TOT2: (0, None, None, 1, ""),
            ACTIVE1: (1, 1, 1, 1, ""),
            ACTIVE2: (1 / 7, 1, 7, 7, ""),
            FOCUS1: (0, 0, 0, 1, ""),
            FOCUS2: (None, None, None, 1, "no_active_time"),
        },
    ),
    Case(
        "two events of one instant",
        (at("10:00:00.500"), at("10:00:00.500")),
        {
            ENGAGED2: (1, 1, 1, 1, ""),
            ACTIVE1: (2, 2, 1, 2, ""),
            FOCUS1: (0, 0, 0, 2, ""),
            FOCUS2: (None, None, None, 2, "no_active_time"),
        },
    ),
    Case(
        "L9: a gap of exactly the time-out",
        (at("10:00:00", "task_start"), at("10:30:00", "scroll")),
        {
            TOT1: (1800, None, None, 1, ""),
            TOT2: (1800, None, None, 2, ""),
            ENGAGED2: (1, 1, 1, 1, ""),
            FOCUS1: (1, 1800, 1800, 2, ""),
            FOCUS2: (1, 1800, 1800, 2, ""),
        },
    ),
    Case(
        "L9: a gap a millisecond over the time-out",
        (at("10:00:00", "task_start"), at("10:30:00.001", "scroll")),
        {
            TOT1: (1800, None, None, 1, ""),
            TOT2: (0, None, None, 2, ""),
            ENGAGED2: (0, 0, 2, 2, ""),
            FOCUS1: (1800 / 1800.001, 1800, 1800.001, 2, ""),
            FOCUS2: (None, None, None, 2, "no_active_time"),
        },
    ),
    Case(
        "L8: the last event is a task_start",
        (at("10:00:00"), at("10:05:00", "task_start")),
        {TOT1: (0, None, None, 1, ""), TOT2: (0, None, None, 2, ""), FOCUS1: (1, 300, 300, 2, "")},
    ),
    Case(
        "L8: the last event of a day that is not the last one is a task_start",
        (at("10:05:00", "task_start"), at("09:00:00", day="05")),
        {TOT1: (1800, None, None, 1, ""), TOT2: (0, None, None, 2, ""), FOCUS1: (1800 / 168_900, 1800, 168_900, 2, "")},
    ),
    Case(
        "two bridges, the second one after another kind",
        (
            at("23:59:00", "task_start"),
            at("00:01:00", day="04"),
            at("23:50:00", "scroll", "04"),
            at("00:00:00", day="05"),
        ),
        {TOT1: (120, None, None, 1, ""), FOCUS1: (2520 / 86_460, 2520, 86_460, 4, ""), BACK1: (1, 1, 1, 3, "")},
    ),
    Case(
        "a task over midnight",
        (at("23:50:00", "task_start"), at("00:10:00", "task_success", "04", task_id="t1")),
        {
            TOT1: (1200, None, None, 1, ""),
            TOT2: (0, None, None, 2, ""),
            ENGAGED2: (0.5, 1, 2, 2, ""),
            FOCUS1: (1, 1200, 1200, 2, ""),
            FOCUS2: (None, None, None, 2, "no_active_time"),
            BACK1: (1, 1, 1, 2, ""),
            ACTIVE1: (1, 2, 2, 2, ""),
        },
    ),
    Case(
        "the same where it is not midnight",
        (at("23:50:00", "task_start"), at("00:10:00", "task_success", "04", task_id="t1")),
        {
            TOT2: (1200, None, None, 2, ""),
            ENGAGED2: (1, 1, 1, 1, ""),
            FOCUS2: (1, 1200, 1200, 2, ""),
            BACK1: (0, 0, 1, 1, ""),
        },
        zone="Europe/Moscow",
    ),
    Case(
        "attempts without and with success",
        (
            at("10:00:00", "task_fail"),
            at("10:00:01", "task_attempt"),
            at("10:00:02", "task_success"),
            at("10:00:03", "task_fail"),
        ),
        {DONE1: (1 / 3, 1, 3, 3, "")},
    ),
    Case(
        "attempts that did not end",
        (at("10:00:00", "task_start"), at("10:00:01", "task_attempt")),
        {DONE1: (0, 0, 0, 0, ""), TOT1: (1, None, None, 1, "")},
    ),
    Case(
        "every kind once",
        tuple(
            at(f"10:00:{second:02}", name)
            for second, name in enumerate(
                ("page_view", "scroll", "video_play", "task_start", "task_attempt", "task_success", "task_fail", "chat")
            )
        ),
        {
            ENGAGED1: (9.7, None, None, 8, ""),
            TOT1: (1, None, None, 1, ""),
            TOT2: (2, None, None, 8, ""),
            FOCUS2: (2 / 7, 2, 7, 8, ""),
        },
    ),
    Case(
        "other kinds only",
        (at("10:00:00", "chat"), at("10:00:05", "chat")),
        {
            ENGAGED1: (0, None, None, 2, ""),
            ENGAGED2: (0, 0, 1, 1, ""),
            FOCUS1: (1, 5, 5, 2, ""),
            FOCUS2: (0, 0, 5, 2, ""),
        },
    ),
    Case("a session of exactly 10 s", (at("10:00:00"), at("10:00:10", "scroll")), {ENGAGED2: (0, 0, 1, 1, "")}),
    Case("a session of 10.001 s", (at("10:00:00"), at("10:00:10.001", "scroll")), {ENGAGED2: (1, 1, 1, 1, "")}),
    Case("one key event", (at("10:00:00", "task_fail"),), {ENGAGED2: (1, 1, 1, 1, "")}),
    Case("a task_start is no key event", (at("10:00:00", "task_start"),), {ENGAGED2: (0, 0, 1, 1, "")}),
    Case(
        "a task that other events leave open and a fail closes",
        (at("10:00:00", "task_attempt"), at("10:01:00", "chat"), at("10:02:00", "task_fail"), at("10:03:00")),
        {TOT2: (120, None, None, 4, ""), FOCUS2: (120 / 180, 120, 180, 4, "")},
    ),
)


def has_start(case: Case) -> bool:
    return any(event.name == "task_start" for event in case.events)


class TestFormulas:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_should_be_as_expected_when_given(self, learners: Learners, case: Case) -> None:
        learners.did(case.events, case.zone)
        found = learners.of(period_of(MONDAY, Grain.WEEK, ZoneInfo(case.zone)))
        assert set(found) == ALL - ({TOT1} if not has_start(case) else set())
        for key, (value, numerator, denominator, sample_n, reason) in case.expected.items():
            row = found[key]
            assert row.value == (None if value is None else pytest.approx(value, rel=1e-12)), key
            assert (row.numerator, row.denominator) == (numerator, denominator), key
            assert (row.sample_n, row.null_reason) == (sample_n, reason), key

    def test_should_cover_every_metric_and_version_when_put_together(self) -> None:
        assert {key for case in CASES for key in case.expected} == ALL
