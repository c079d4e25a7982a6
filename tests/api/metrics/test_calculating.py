"""Calculating over HTTP: the job it starts, equal jobs, retries, what is refused, what the task says afterwards."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest

from include.api.orchestrator import RUNNING, SUCCESS
from include.metrics.reading.asking import written
from tests.api.metrics.conftest import OWN, WEEK, School, said
from tests.api_client import OTHER
from tests.metric_events import learned

DAG = "learning_metrics"
TASK_ID = re.compile(r"api__metrics__\d{8}T\d{6}Z__[0-9a-f]{8}")
SIX = [
    "retention", "engagement_score", "completion_rate", "time_on_task", "activity_index", "focus_ratio",
]  # fmt: skip


@pytest.fixture
def days() -> dict[str, str]:
    """A period that no other test asks for: equal jobs are one."""
    start_at = dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=uuid4().int % 10**10)
    return {"period_start": written(start_at), "period_end": written(start_at + dt.timedelta(days=30))}


class TestCalculate:
    def test_should_start_a_run_with_all_it_needs_to_know(self, school: School, days: dict[str, str]) -> None:
        answer = school.calculate(**days, metrics=["focus_ratio", "completion"])
        order = school.api.orchestrator.orders[-1]
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"task_id": order.run_id, "metrics": ["completion_rate", "focus_ratio"]}
        assert TASK_ID.fullmatch(order.run_id)
        assert answer.headers["location"] == f"/counterflow/tasks/{order.run_id}/status"
        assert (order.dag_id, order.partition_key, order.asked_by) == (DAG, None, "erin")
        assert order.conf == {
            "project": "default",
            "courses": [OWN],
            "metrics": ["completion_rate", "focus_ratio"],
            "version": "1",
            **days,
            "task_id": order.run_id,
        }

    @pytest.mark.parametrize(("version", "told"), [(1, "1"), ("2", "2"), ("all", "all"), (None, "1")])
    def test_should_pass_the_version_on(self, school: School, days: dict[str, str], version: Any, told: str) -> None:
        answer = school.calculate(**days, version=version)
        assert (answer.status_code, answer.json()["metrics"]) == (202, SIX)
        assert school.api.orchestrator.orders[-1].conf["version"] == told

    def test_should_take_metrics_and_project_from_the_query_as_well(self, school: School, days: dict[str, str]) -> None:
        address = "/api/v1/metrics/calculate?metrics=retention&metrics=completion&project=default"
        body = {"course_id": OWN, **days}
        answer = school.api.post(address, json=body)
        assert (answer.status_code, answer.json()["metrics"]) == (202, ["retention", "completion_rate"])
        agreed = {**body, "metrics": ["completion_rate", "retention"], "project": "default"}
        assert school.api.post(address, json=agreed).json()["task_id"] == answer.json()["task_id"]
        for other in ({"metrics": ["focus_ratio"]}, {"project": "x"}):
            assert said(school.api.post(address, json={**body, **other})) == (422, "conflicting_input")

    def test_should_read_days_in_the_zone_of_the_course(self, school: School) -> None:
        course = f"course {uuid4()}"
        school.api.put(f"/api/v1/courses/{course}", json={"timezone": "Europe/Moscow"})
        assert school.calculate(course_id=course).status_code == 202
        conf = school.api.orchestrator.orders[-1].conf
        assert (conf["period_start"], conf["period_end"]) == ("2025-03-02T21:00:00.000Z", "2025-03-09T21:00:00.000Z")

    def test_should_know_a_course_as_soon_as_an_event_of_it_is_loaded(self, school: School) -> None:
        course = f"course {uuid4()}"
        assert said(school.calculate(course_id=course)) == (404, "course_unknown")
        school.learn(learned("2025-03-03 10:00:00", course=course))
        assert school.calculate(course_id=course).status_code == 202

    def test_should_ask_for_the_project_when_several_have_the_course(self, school: School) -> None:
        course, app_code = f"course {uuid4()}", school.api.app_code()
        school.learn(learned("2025-03-03 10:00:00", course=course))
        school.stores.put([learned("2025-03-03 10:00:00", course=course, project=app_code)])
        assert said(school.calculate(course_id=course)) == (422, "ambiguous_project")
        assert school.calculate(course_id=course, project=app_code).status_code == 202
        assert school.api.orchestrator.orders[-1].conf["project"] == app_code


class TestEqualJobs:
    def test_should_give_the_open_job_back_when_the_same_is_asked_in_other_words(
        self, school: School, days: dict[str, str]
    ) -> None:
        first = school.calculate(**days, metrics=["completion", "retention"], version=1)
        again = school.calculate(**days, metrics=["retention", "completion_rate", "completion"], caller="admin")
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["location"] == first.headers["location"]

    @pytest.mark.parametrize("change", [{"version": 2}, {"metrics": ["retention"]}, {"course_id": "c2"}])
    def test_should_start_another_job_when_something_else_is_asked(
        self, school: School, days: dict[str, str], change: dict[str, Any]
    ) -> None:
        first = school.calculate(**days)
        assert school.calculate(**{**days, **change}).json()["task_id"] != first.json()["task_id"]

    def test_should_start_anew_when_the_equal_job_has_ended(self, school: School, days: dict[str, str]) -> None:
        first = school.calculate(**days).json()["task_id"]
        school.api.orchestrator.move(DAG, first, SUCCESS, step_count=1, finished_count=1)
        again = school.calculate(**days)
        assert (again.status_code, again.json()["task_id"] != first) == (202, True)

    def test_should_answer_a_retry_as_before_when_it_has_the_same_key(
        self, school: School, days: dict[str, str]
    ) -> None:
        headers = {"Idempotency-Key": str(uuid4())}
        answers = [school.calculate(**days, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["idempotency-replayed"] == "true"
        other = school.calculate(**days, metrics=["retention"], headers=headers)
        assert said(other) == (422, "idempotency_mismatch")


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        [
            ({"period_start": "2025-03-10", "period_end": "2025-03-03"}, "bad_period", "/period_end"),
            ({"period_end": "2025-03-03"}, "bad_period", "/period_end"),
            ({"period_end": "2026-03-05"}, "bad_period", "/period_end"),
            ({"period_start": "03.03.2025"}, "bad_time", "/period_start"),
            ({"period_end": "2025-03-10T25:00:00Z"}, "bad_time", "/period_end"),
            ({"period_end": "2101-01-01"}, "bad_time", "/period_end"),
            ({"metrics": ["retention", "happiness"]}, "unknown_metric", "/metrics"),
            ({"version": 3}, "version_unknown", "/version"),
            ({"version": "both"}, "version_unknown", "/version"),
            ({"version": True}, "string_type", "/version"),
            ({"metrics": "retention"}, "list_type", "/metrics"),
            ({"course_id": ""}, "string_too_short", "/course_id"),
            ({"course_id": None}, "string_type", "/course_id"),
            ({"weight": 1}, "unknown_field", "/weight"),
        ],
    )
    def test_should_answer_422_when_the_question_makes_no_sense(
        self, school: School, change: dict[str, Any], code: str, pointer: str
    ) -> None:
        before = len(school.api.orchestrator.orders)
        answer = school.calculate(**change)
        found = [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
        assert answer.status_code == 422
        assert (pointer, code) in found
        assert len(school.api.orchestrator.orders) == before

    def test_should_take_a_year_and_refuse_a_day_more(self, school: School) -> None:
        year = school.calculate(period_start="2024-01-01", period_end="2025-01-01")
        more = school.calculate(period_start="2024-01-01", period_end="2025-01-01T00:00:00.001Z")
        assert (year.status_code, said(more)) == (202, (422, "bad_period"))

    def test_should_answer_503_when_nobody_would_do_it(self, school: School, days: dict[str, str]) -> None:
        school.api.orchestrator.is_alive = False
        try:
            answer = school.calculate(**days)
        finally:
            school.api.orchestrator.is_alive = True
        assert said(answer) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert school.calculate(**days).status_code == 202

    @pytest.mark.parametrize("missing", ["course_id", "period_start", "period_end"])
    def test_should_name_what_is_missing(self, school: School, missing: str) -> None:
        body = {name: value for name, value in {"course_id": OWN, **WEEK}.items() if name != missing}
        answer = school.api.post("/api/v1/metrics/calculate", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{missing}")


class TestTask:
    def test_should_show_the_status_to_the_account_that_asked(self, school: School, days: dict[str, str]) -> None:
        task_id = school.calculate(**days, caller="teacher").json()["task_id"]
        school.api.orchestrator.move(DAG, task_id, RUNNING, step_count=1, running_steps=("recalculate",))
        seen = {
            caller: school.api.get(f"/tasks/{task_id}/status", token=school.tokens[caller])
            for caller in ("teacher", "viewer", "other teacher", "admin", "student", "key")
        }
        assert {caller: answer.status_code for caller, answer in seen.items()} == {
            "teacher": 200, "viewer": 200, "other teacher": 404, "admin": 404, "student": 404, "key": 403,
        }  # fmt: skip
        body = seen["teacher"].json()
        assert (body["kind"], body["status"]) == ("metrics", "running")
        absent = school.api.get("/tasks/nothing/status", token=school.tokens["student"]).json()
        assert seen["student"].json()["detail"] == absent["detail"] == "Task not found"

    def test_should_not_show_runs_of_the_schedule_to_accounts(self, school: School) -> None:
        run_id = f"scheduled__{uuid4()}"
        school.api.orchestrator.add_run(DAG, run_id, SUCCESS, step_count=1, finished_count=1)
        path = f"/tasks/{run_id}/status"
        assert school.api.get(path, token=school.tokens["teacher"]).status_code == 404
        assert school.api.get(path, token=OTHER).json()["kind"] == "metrics"

    def test_should_give_a_row_per_metric_and_version_when_done(self, school: School) -> None:
        week = {"period_start": "2025-03-03", "period_end": "2025-03-10"}
        answer = school.calculate(**week, metrics=["completion", "retention"], version="all", caller="teacher")
        task_id = answer.json()["task_id"]
        conf = school.api.orchestrator.runs[DAG, task_id].conf
        bounds = tuple(dt.datetime.fromisoformat(conf[name]) for name in ("period_start", "period_end"))
        school.recalculate(task_id, project="default", courses=(OWN,), metrics=tuple(conf["metrics"]), bounds=bounds)
        school.api.orchestrator.move(DAG, task_id, SUCCESS, step_count=1, finished_count=1)
        path = f"/tasks/{task_id}/result"
        found = school.api.get(path, token=school.tokens["teacher"]).json()
        rows = [(one["metric_name"], one["version"], one["n_users"], one["n_null"]) for one in found["data"]]
        assert rows == [
            ("retention", 1, 1, 0), ("retention", 2, 1, 0), ("completion_rate", 1, 1, 0), ("completion_rate", 2, 1, 1),
        ]  # fmt: skip
        assert found["pagination"] == {"total": 4, "limit": 100, "offset": 0, "has_more": False}
        page = school.api.get(f"{path}?limit=1&offset=2").json()
        assert (page["data"], page["pagination"]["has_more"]) == ([found["data"][2]], True)
        assert (found["data"][0]["grain"], found["data"][0]["period_start"]) == ("week", conf["period_start"])

    def test_should_show_what_a_run_of_the_schedule_wrote(self, school: School) -> None:
        run_id = f"scheduled__{uuid4()}"
        school.learn(learned("2025-03-03 10:00:00", course=f"course {uuid4()}"))
        school.recalculate(run_id)
        school.api.orchestrator.add_run(DAG, run_id, SUCCESS, step_count=1, finished_count=1)
        found = school.api.get(f"/tasks/{run_id}/result", params={"limit": 1000}).json()
        assert {one["grain"] for one in found["data"]} == {"day", "week", "month"}
        assert {one["metric_name"] for one in found["data"]} == set(SIX)
        assert len(found["data"]) == found["pagination"]["total"]

    def test_should_wait_for_the_result_and_say_why_there_is_none(self, school: School, days: dict[str, str]) -> None:
        task_id = school.calculate(**days).json()["task_id"]
        path = f"/tasks/{task_id}/result"
        assert (school.api.get(path).status_code, school.api.get(path).json()) == (
            202,
            {"detail": "Task not finished"},
        )
        school.api.orchestrator.fail(DAG, task_id, "two engines disagree")
        assert said(school.api.get(path)) == (409, "task_failed")
        assert "two engines disagree" in school.api.get(path).json()["detail"]
