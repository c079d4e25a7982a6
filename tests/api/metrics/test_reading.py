"""Reading metrics over HTTP: the golden week, forms of a question, what is null, what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from include.metrics.names import Metric
from tests.api.metrics.conftest import OWN, WEEK, School, said
from tests.api_client import Api, InMemoryOrchestrator
from tests.metric_events import golden_events, learned

USER, COURSE = "/api/v1/metrics/user/u1", f"/api/v1/analytics/course/{OWN}"
SEED_VALUE = {
    "metric_name", "user_id", "course_id", "module_id", "value", "period_start", "period_end", "calculated_at",
    "version", "unit", "grain", "timezone", "sample_n", "null_reason",
}  # fmt: skip
SEED_FIGURE = {
    "metric_name", "course_id", "period_start", "period_end", "average_value", "version", "unit", "n_users", "n_null",
    "median", "min", "max", "pooled_value",
}  # fmt: skip
# domains.md 5.4, zone UTC; nothing is required in this course.
GOLDEN = {
    ("retention", 1): 1.0,
    ("retention", 2): 0.0,
    ("engagement_score", 1): 13.7,
    ("engagement_score", 2): 0.5,
    ("completion_rate", 1): 0.5,
    ("completion_rate", 2): None,
    ("time_on_task", 1): 1320.0,
    ("time_on_task", 2): 360.0,
    ("activity_index", 1): 11 / 3,
    ("activity_index", 2): 3 / 7,
    ("focus_ratio", 1): 8828 / 180000,
    ("focus_ratio", 2): 360 / 428,
}


def by_key(answer: Any, value: str = "value") -> dict[tuple[str, int], float | None]:
    assert answer.status_code == 200, answer.text
    return {(one["metric_name"], one["version"]): one[value] for one in answer.json()}


def assert_equal(found: Mapping[Any, float | None], wanted: Mapping[Any, float | None]) -> None:
    """Equal but for the last digits of a double; null is equal to null alone."""
    assert found.keys() == wanted.keys()
    wrong = {
        key: (value, wanted[key])
        for key, value in found.items()
        if (None in (value, wanted[key]) and value is not wanted[key])
        or (value is not None and value != pytest.approx(wanted[key], rel=1e-12))
    }
    assert wrong == {}


class TestUser:
    """L1 over HTTP."""

    def test_should_give_the_golden_values_unrounded(self, school: School) -> None:
        found = by_key(school.get(USER, course_id=OWN, version="all"))
        assert list(found) == list(GOLDEN)
        assert_equal(found, GOLDEN)

    def test_should_show_the_keys_of_the_seed(self, school: School) -> None:
        answer = school.get(USER, course_id=OWN)
        assert all(set(one) >= SEED_VALUE for one in answer.json())
        assert answer.json()[0] | {"calculated_at": "", "card_digest": ""} == {
            "metric_name": "retention", "user_id": "u1", "course_id": OWN, "module_id": None, "value": 1.0,
            "period_start": "2025-03-03T00:00:00.000Z", "period_end": "2025-03-10T00:00:00.000Z", "calculated_at": "",
            "version": 1, "unit": "0/1", "grain": "week", "timezone": "UTC", "sample_n": 3, "null_reason": None,
            "numerator": 1.0, "denominator": 1.0, "sensitivity": None, "state": "closed", "card_digest": "",
            "is_stored": True,
        }  # fmt: skip
        assert (answer.headers["x-total-count"], answer.headers["x-has-more"]) == ("6", "false")

    @pytest.mark.parametrize(
        "bounds",
        [
            ("2025-03-03T00:00:00Z", "2025-03-10T00:00:00Z"),
            ("2025-03-03T03:00:00+03:00", "2025-03-09T19:00:00-05:00"),
            ("2025-03-03T00:00:00", "2025-03-10T00:00:00.000999Z"),
        ],
    )
    def test_should_understand_every_way_to_write_a_period(self, school: School, bounds: tuple[str, str]) -> None:
        start, end = bounds
        plain = school.get(USER, course_id=OWN).json()
        assert school.get(USER, course_id=OWN, period_start=start, period_end=end).json() == plain
        spaced = f"{USER}?course_id={OWN}&period_start={start}&period_end={end}"  # a bare + arrives as a space
        assert school.api.get(spaced).json() == plain

    def test_should_take_metrics_that_are_repeated_and_short_names(self, school: School) -> None:
        answer = school.get(USER, course_id=OWN, metrics=["completion", "retention", "engagement", "completion_rate"])
        names = [one["metric_name"] for one in answer.json()]
        assert names == ["retention", "engagement_score", "completion_rate"]

    def test_should_give_null_and_no_sample_when_nothing_happened(self, school: School) -> None:
        period = {"period_start": "2025-05-05", "period_end": "2025-05-12"}
        found = school.get(USER, course_id=OWN, version="all", **period).json()
        assert len(found) == 12
        assert {(one["value"], one["sample_n"], one["null_reason"]) for one in found} == {(None, 0, "no_events")}

    def test_should_roll_days_up_that_nobody_calculated_as_one(self, school: School) -> None:
        period = {"period_start": "2025-03-03", "period_end": "2025-03-06"}
        found = school.get(USER, course_id=OWN, version=2, metrics="time_on_task", **period).json()
        assert [(one["value"], one["grain"], one["is_stored"]) for one in found] == [(360.0, "custom", False)]
        assert found[0]["sensitivity"] == {"300": 360.0, "600": 360.0, "1800": 360.0}

    def test_should_give_an_entry_for_each_day_week_or_month_inside(self, school: School) -> None:
        month = {"period_start": "2025-03-01", "period_end": "2025-04-01", "metrics": "engagement", "course_id": OWN}
        sums = {}
        for grain, count in (("day", 31), ("week", 4), ("month", 1)):
            found = school.get(USER, **{**month, "grain": grain}).json()
            assert {one["grain"] for one in found} == {grain}
            assert len(found) == count
            sums[grain] = sum(one["value"] or 0 for one in found)
        assert sums == pytest.approx(dict.fromkeys(sums, 13.7))

    def test_should_cut_pages(self, school: School) -> None:
        whole = school.get(USER, course_id=OWN, version="all").json()
        pages = [school.get(USER, course_id=OWN, version="all", limit=5, offset=offset) for offset in (0, 5, 10)]
        assert [one for page in pages for one in page.json()] == whole
        assert [page.headers["x-has-more"] for page in pages] == ["true", "true", "false"]
        assert {page.headers["x-total-count"] for page in pages} == {"12"}

    def test_should_answer_nothing_for_free_bounds_until_they_are_calculated(self, school: School) -> None:
        bounds = {"period_start": "2025-03-03T10:00:30Z", "period_end": "2025-03-03T10:06:30Z"}
        asked = {"course_id": OWN, "metrics": "time_on_task", "version": 2, **bounds}
        assert school.get(USER, **asked).json() == []
        instants = tuple(dt.datetime.fromisoformat(text) for text in bounds.values())
        school.recalculate("custom", project="default", courses=(OWN,), bounds=instants)
        assert [one["value"] for one in school.get(USER, **asked).json()] == [300.0]

    def test_should_answer_404_when_no_event_names_the_user(self, school: School) -> None:
        for user_id in ("nobody", "U1", "%00", "a%2Fb"[:1] + "%FF", str(uuid4()), "x" * 2000):
            assert said(school.get(f"/api/v1/metrics/user/{user_id}")) == (404, "user_unknown")
        assert said(school.get(USER, project="nothing")) == (404, "user_unknown")

    def test_should_answer_version_2_when_the_setting_says_so(self, school: School) -> None:
        api = Api(InMemoryOrchestrator(), {**school.api.environ, "METRICS_DEFAULT_VERSION": "2"})
        try:
            found = by_key(api.get(USER, params={**WEEK, "course_id": OWN}))
        finally:
            api.close()
        assert {version for _, version in found} == {2}

    def test_should_ask_for_the_project_when_several_have_the_course(self, school: School) -> None:
        course, app_code = f"course {uuid4()}", school.api.app_code()
        for project in ("default", app_code):
            assert school.api.put(f"/api/v1/courses/{course}", json={"project": project}).status_code == 200
        asked = school.get(USER, course_id=course), school.get(f"/api/v1/analytics/course/{course}")
        assert [said(answer) for answer in asked] == [(422, "ambiguous_project")] * 2
        assert {answer.json()["detail"][0]["loc"][0] for answer in asked} == {"query"}
        assert school.get(USER, course_id=course, project="default").status_code == 200


class TestCourse:
    def test_should_describe_its_learners(self, school: School) -> None:
        answer = school.get(COURSE, version="all")
        found = by_key(answer, "average_value")
        assert_equal(found, GOLDEN)
        assert all(set(one) >= SEED_FIGURE for one in answer.json())
        assert {(one["n_users"], one["n_null"]) for one in answer.json() if one["average_value"] is not None} == {
            (1, 0)
        }
        assert next(one for one in answer.json() if one["average_value"] is None)["n_null"] == 1

    def test_should_be_the_mean_of_what_its_learners_are_told(self, school: School) -> None:
        period = {"period_start": "2025-03-03", "period_end": "2025-03-13"}
        course = by_key(school.get("/api/v1/analytics/course/c2", version="all", **period), "average_value")
        values: dict[tuple[str, int], list[float]] = {}
        for user in ("u1", "u2"):
            found = by_key(school.get(f"/api/v1/metrics/user/{user}", course_id="c2", version="all", **period))
            for key, value in found.items():
                values.setdefault(key, []).extend([] if value is None else [value])
        means = {key: sum(few) / len(few) if few else None for key, few in values.items()}
        assert_equal(means, course)
        assert any(mean not in (None, 0.0) for mean in means.values())

    def test_should_give_null_and_nobody_when_nothing_happened(self, school: School) -> None:
        found = school.get(COURSE, period_start="2025-05-05", period_end="2025-05-12", version="all").json()
        assert len(found) == 12
        assert {(one["average_value"], one["n_users"], one["sample_n"]) for one in found} == {(None, 0, 0)}


class TestCompare:
    PERIODS: ClassVar = {"compare_start": "2025-03-03", "compare_end": "2025-03-04"}

    def test_should_subtract_the_compared_period_from_the_one_asked_for(self, school: School) -> None:
        period = {"period_start": "2025-03-04", "period_end": "2025-03-05", "metrics": "engagement", "course_id": OWN}
        found = school.get(USER, **period, **self.PERIODS).json()[0]
        assert (found["first_value"], found["second_value"]) == pytest.approx((9.2, 3.5))
        assert found["difference"] == pytest.approx(-5.7)
        assert (found["first"]["user_id"], found["second"]["user_id"]) == ("u1", "u1")
        del period["course_id"]
        course = school.get(COURSE, **period, **self.PERIODS).json()[0]
        assert (course["n_both"], course["n_fell"], course["mean_difference"]) == (1, 1, pytest.approx(-5.7))

    @pytest.mark.parametrize(
        ("change", "code", "place"),
        [
            ({"compare_end": None}, "bad_period", "compare_end"),
            ({"compare_start": None}, "bad_period", "compare_start"),
            ({"compare_end": "2025-03-01"}, "bad_period", "compare_end"),
            ({"compare_start": "soon"}, "bad_time", "compare_start"),
            ({"grain": "day"}, "conflicting_input", "grain"),
            ({"course_id": None}, "missing", "course_id"),
        ],
    )
    def test_should_answer_422_when_the_other_period_makes_no_sense(
        self, school: School, change: dict[str, Any], code: str, place: str
    ) -> None:
        asked = {name: value for name, value in {"course_id": OWN, **self.PERIODS, **change}.items() if value}
        answer = school.get(USER, **asked)
        assert said(answer) == (422, code)
        assert answer.json()["detail"][0]["loc"] == ["query", place]


class TestRefusals:
    @pytest.mark.parametrize("path", [USER, COURSE])
    @pytest.mark.parametrize(
        ("change", "code", "place"),
        [
            ({"period_start": "2025-03-10", "period_end": "2025-03-03"}, "bad_period", "period_end"),
            ({"period_end": "2025-03-03"}, "bad_period", "period_end"),
            ({"period_end": "2026-03-05"}, "bad_period", "period_end"),
            ({"period_start": "yesterday"}, "bad_time", "period_start"),
            ({"period_end": "2025-02-30"}, "bad_time", "period_end"),
            ({"metrics": ["retention", "happiness"]}, "unknown_metric", "metrics"),
            ({"version": "3"}, "version_unknown", "version"),
            ({"grain": "hour"}, "bad_grain", "grain"),
            ({"grain": "custom"}, "bad_grain", "grain"),
            ({"limit": "0"}, "greater_than_equal", "limit"),
            ({"speed": "1"}, "unknown_parameter", "speed"),
        ],
    )
    def test_should_answer_422_when_the_question_makes_no_sense(
        self, school: School, path: str, change: dict[str, Any], code: str, place: str
    ) -> None:
        answer = school.get(path, **change)
        assert said(answer) == (422, code)
        assert answer.json()["detail"][0]["loc"] == ["query", place]

    @pytest.mark.parametrize("path", [USER, COURSE])
    def test_should_name_the_bound_that_is_missing(self, school: School, path: str) -> None:
        answer = school.api.get(path, params={"period_start": "2025-03-03"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/period_end")


class TestEndsOfTime:
    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
    @pytest.mark.parametrize("grain", [None, "day", "week", "month"])
    @pytest.mark.parametrize(
        "bounds",
        [
            ("1970-01-01T00:00:00Z", "1970-03-05T00:00:00Z"),
            ("2100-10-01T00:00:00Z", "2100-12-31T23:59:59.999Z"),
            ("2100-12-30T00:00:00Z", "2100-12-31T00:00:00Z"),
        ],
    )
    def test_should_have_an_answer(self, school: School, bounds: tuple[str, str], grain: str | None, zone: str) -> None:
        course = f"course {zone[-6:]}"
        school.api.put(f"/api/v1/courses/{course}", json={"timezone": zone})
        school.learn(learned("2025-03-03 10:00:00", course=course))
        asked = {"period_start": bounds[0], "period_end": bounds[1], "version": "all", "course_id": course}
        if grain:
            asked["grain"] = grain
        values = school.api.get(USER, params=asked)
        del asked["course_id"]
        figures = school.api.get(f"/api/v1/analytics/course/{course}", params=asked)
        assert (values.status_code, figures.status_code) == (200, 200), values.text + figures.text
        assert {one["value"] for one in values.json()} <= {None}
        assert {one["n_users"] for one in figures.json()} <= {0}


class TestZoneChange:
    @pytest.mark.parametrize("caller", ["teacher", "admin"])
    def test_should_be_read_in_the_zone_of_its_days_until_they_are_cut_anew(self, school: School, caller: str) -> None:
        course = f"course {uuid4()}"
        body = {"teachers": [school.teacher.user_id], "timezone": "UTC"}
        school.api.put(f"/api/v1/courses/{course}", json=body)
        school.learn(learned("2025-03-03 22:00:00", course=course))  # the fourth in Moscow
        school.recalculate()
        school.api.put(f"/api/v1/courses/{course}", json={"timezone": "Europe/Moscow"})
        shown = []
        for _ in range(2):
            asked = {"grain": "day", "metrics": "engagement", "caller": caller}
            found = school.get(f"/api/v1/analytics/course/{course}", **asked).json()
            shown.append([(one["timezone"], place) for place, one in enumerate(found) if one["n_users"]])
            school.recalculate()
        assert shown == [[("UTC", 0)], [("Europe/Moscow", 1)]]

    @pytest.mark.parametrize("caller", ["teacher", "admin"])
    def test_should_be_calculated_in_its_new_zone_at_once(self, school: School, caller: str) -> None:
        course = f"course {uuid4()}"
        school.api.put(f"/api/v1/courses/{course}", json={"teachers": [school.teacher.user_id]})
        school.learn(learned("2025-03-03 22:00:00", course=course))
        school.recalculate()
        school.api.put(f"/api/v1/courses/{course}", json={"timezone": "Europe/Moscow"})
        assert school.calculate(course_id=course, caller=caller).status_code == 202
        assert school.api.orchestrator.orders[-1].conf["period_start"] == "2025-03-02T21:00:00.000Z"


class TestLateEvents:
    """L4 over HTTP: a late event restates a closed week, and the list explains it."""

    def test_should_list_what_a_late_event_changed(self, school: School) -> None:
        course = f"late {uuid4().hex[:6]}"
        teacher = school.api.person("teacher")
        school.api.put(f"/api/v1/courses/{course}", json={"teachers": [teacher.user_id]})
        path = f"/api/v1/analytics/course/{course}"
        school.learn(*(replace(one, event_id=str(uuid4())) for one in golden_events(course=course, user="late")))
        school.recalculate()
        asked = {"metrics": "engagement_score"}
        before = by_key(school.get(path, **asked), "average_value")["engagement_score", 1]
        school.learn(learned("2025-03-06 10:00:00", "video_play", user="late", course=course))
        school.recalculate("after the late event")
        after = by_key(school.get(path, **asked), "average_value")["engagement_score", 1]
        listed = "/api/v1/metrics/restatements"
        found = school.api.get(listed, token=teacher.token, params={"metric": "engagement"}).json()
        changes = {one["grain"]: one["new_value"] - one["old_value"] for one in found["items"] if one["old_value"]}
        assert (before, after) == pytest.approx((13.7, 15.2))
        assert changes == pytest.approx({"week": 1.5, "month": 1.5})  # the day itself had no value before
        assert {(one["cause"], one["course_id"]) for one in found["items"]} == {("late_data", course)}
        assert {one["run_id"] for one in found["items"]} == {"after the late event"}
        assert found["total"] == len(found["items"])
        assert school.api.get(listed, token=school.tokens["teacher"]).json()["total"] == 0
        page = school.api.get(listed, params={"course_id": course, "limit": 1, "offset": 1}).json()
        assert (page["limit"], page["offset"], len(page["items"])) == (1, 1, 1)
        moment = found["items"][0]["restated_at"]
        assert school.api.get(listed, params={"course_id": course, "to": moment}).json()["total"] == 0
        assert school.api.get(listed, params={"course_id": course, "from": moment}).json()["total"] == page["total"]

    @pytest.mark.parametrize(
        ("params", "code", "place"),
        [
            ({"from": "2025-03-03", "to": "2025-03-03"}, "bad_period", "to"),
            ({"from": "then"}, "bad_time", "from"),
            ({"metric": "happiness"}, "unknown_metric", "metric"),
        ],
    )
    def test_should_answer_422_when_the_stretch_makes_no_sense(
        self, school: School, params: dict[str, str], code: str, place: str
    ) -> None:
        answer = school.api.get("/api/v1/metrics/restatements", params=params)
        assert said(answer) == (422, code)
        assert answer.json()["detail"][0]["loc"] == ["query", place]


class TestCards:
    def test_should_show_the_definition_behind_every_value(self, school: School) -> None:
        cards = school.api.get("/api/v1/metrics/cards", params={"course_id": OWN}).json()
        values = school.get(USER, course_id=OWN, version="all").json()
        assert (cards["total"], cards["has_more"]) == (12, False)
        assert [one["card_digest"] for one in cards["items"]] == [one["card_digest"] for one in values]
        assert {one["metric_name"] for one in cards["items"]} == {metric.value for metric in Metric}

    def test_should_give_another_zone_another_digest(self, school: School) -> None:
        course = f"course {uuid4()}"
        school.api.put(f"/api/v1/courses/{course}", json={"timezone": "Europe/Moscow"})
        path, asked = "/api/v1/metrics/cards", {"metrics": "retention", "version": "2"}
        here, there = (school.api.get(path, params={**asked, **more}).json() for more in ({}, {"course_id": course}))
        assert [page["items"][0]["parameters"]["time_zone"] for page in (here, there)] == ["UTC", "Europe/Moscow"]
        assert here["items"][0]["card_digest"] != there["items"][0]["card_digest"]
        assert (here["total"], there["total"]) == (1, 1)
