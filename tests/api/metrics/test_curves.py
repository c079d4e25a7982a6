"""Retention curves over HTTP: table, wide form, CSV, what is refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.api.metrics.conftest import OWN, School, said
from tests.metric_events import learned

PATH = f"/api/v1/analytics/course/{OWN}/retention"


class TestCurves:
    def test_should_follow_those_who_began(self, school: School) -> None:
        found = school.get(PATH, days=4).json()
        shares = [(one["n"], one["exact_share"], one["unbounded_share"]) for one in found["items"]]
        assert shares == [(0, 1.0, 1.0), (1, 1.0, 1.0), (2, 1.0, 1.0), (3, 0.0, 0.0), (4, 0.0, 0.0)]
        assert {(one["cohort"], one["cohort_size"]) for one in found["items"]} == {("2025-03-03", 1)}
        assert [one["n"] for one in found["everybody"]] == [0, 1, 2, 3, 4]
        assert (found["first_day"], found["last_day"], found["grain"]) == ("2025-03-03", "2025-03-09", "week")

    def test_should_agree_with_version_2_of_the_metric(self, school: School) -> None:
        point = school.get(PATH).json()["items"][7]
        metric = school.get(f"/api/v1/analytics/course/{OWN}", metrics="retention", version=2).json()[0]
        assert (point["n"], point["exact_share"]) == (7, metric["average_value"])

    def test_should_give_a_row_per_cohort_when_a_kind_is_named(self, school: School) -> None:
        found = school.get(PATH, kind="exact", days=3, grain="day").json()["items"]
        assert len(found) == 7
        assert found[0] == {"cohort": "2025-03-03", "cohort_size": 1, "day_0": 1, "day_1": 1, "day_2": 1, "day_3": 0}
        assert found[1]["day_0"] is None

    @pytest.mark.parametrize(("query", "accept"), [({"format": "csv"}, "*/*"), ({}, "text/csv")])
    def test_should_give_csv_when_wanted(self, school: School, query: dict[str, str], accept: str) -> None:
        answer = school.api.get(
            PATH,
            params={"period_start": "2025-03-03", "period_end": "2025-03-10", "days": 2, "kind": "exact", **query},
            headers={"Accept": accept},
        )
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["course_id", "cohort", "cohort_size", "day_0", "day_1", "day_2"],
            [OWN, "2025-03-03", "1", "1.0", "1.0", "1.0"],
        ]

    def test_should_start_no_formula_when_a_course_is_named_like_one(self, school: School) -> None:
        school.learn(learned("2025-03-03 10:00:00", course="=1+1"))
        answer = school.get("/api/v1/analytics/course/=1+1/retention", format="csv", days=0)
        assert answer.text.splitlines()[1].startswith("'=1+1,2025-03-03")

    def test_should_follow_the_last_twelve_weeks_when_no_period_is_named(self, school: School) -> None:
        found = school.api.get(PATH, params={"days": 0}).json()
        assert len(found["items"]) in (12, 13)  # thirteen weeks hold a day of twelve, but on Sundays

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"period_end": "2025-03-03"}, "bad_period"),
            ({"period_end": "2026-03-05"}, "bad_period"),
            ({"period_start": "soon"}, "bad_time"),
            ({"grain": "hour"}, "bad_grain"),
            ({"kind": "sticky"}, "enum"),
            ({"days": 366}, "less_than_equal"),
            ({"window_days": 0}, "greater_than_equal"),
            ({"format": "xml"}, "enum"),
        ],
    )
    def test_should_answer_422_when_the_question_makes_no_sense(
        self, school: School, change: dict[str, Any], code: str
    ) -> None:
        assert said(school.get(PATH, **change)) == (422, code)

    def test_should_ask_for_both_ends_of_a_period(self, school: School) -> None:
        answer = school.api.get(PATH, params={"period_start": "2025-03-03"})
        assert (said(answer), answer.json()["errors"][0]["pointer"]) == ((422, "bad_period"), "/period_end")
