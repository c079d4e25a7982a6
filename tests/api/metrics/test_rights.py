"""L7: who may read and calculate the metrics of which course, as one matrix of role, course and route."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.metrics.conftest import ABSENT, FOREIGN, OWN, WEEK, School, said
from tests.api_client import Api, InMemoryOrchestrator

CALLERS = ("teacher", "other teacher", "student", "admin", "key", "viewer", "operator", "nobody")
COURSES = {"own": OWN, "foreign": FOREIGN, "absent": ABSENT}
ROUTES = ("calculate", "user", "course", "retention", "restatements", "cards")
OK = (200, "")
NOT_YOURS, FORBIDDEN, UNKNOWN, UNAUTHORIZED = (
    (403, "course_not_yours"), (403, "forbidden"), (404, "course_unknown"), (401, "unauthorized"),
)  # fmt: skip


def expected(caller: str, course: str, route: str, *, scope: str = "assigned") -> tuple[int, str]:
    """What the rules say; nothing here looks at the code."""
    if caller == "nobody":
        return UNAUTHORIZED
    if caller in ("student", "key") or (caller == "viewer" and route == "calculate"):
        return FORBIDDEN
    if caller in ("teacher", "other teacher") and (scope == "assigned" or route == "calculate"):
        is_theirs = course == ("own" if caller == "teacher" else "foreign")
        if not is_theirs:
            return NOT_YOURS
    if course == "absent":
        return UNKNOWN
    return OK


def ask(school: School, api: Api, caller: str, course_id: str, route: str) -> Any:
    """One request about a course."""
    token = school.tokens.get(caller)
    if route == "calculate":
        return api.post("/api/v1/metrics/calculate", token=token, json={"course_id": course_id, **WEEK})
    path, params = {
        "user": ("/api/v1/metrics/user/u1", {**WEEK, "course_id": course_id}),
        "course": (f"/api/v1/analytics/course/{course_id}", WEEK),
        "retention": (f"/api/v1/analytics/course/{course_id}/retention", WEEK),
        "restatements": ("/api/v1/metrics/restatements", {"course_id": course_id}),
        "cards": ("/api/v1/metrics/cards", {"course_id": course_id}),
    }[route]
    return api.get(path, token=token, params=params)


def outcome(answer: Any) -> tuple[int, str]:
    """Status and code; a job that was taken may have been taken for an earlier caller."""
    return OK if answer.status_code in (200, 202) else said(answer)


class TestL7Rights:
    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize("course", COURSES)
    @pytest.mark.parametrize("caller", CALLERS)
    def test_should_answer_as_the_rules_say(self, school: School, caller: str, course: str, route: str) -> None:
        answer = ask(school, school.api, caller, COURSES[course], route)
        assert outcome(answer) == expected(caller, course, route)

    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize("course", COURSES)
    @pytest.mark.parametrize("caller", ["teacher", "other teacher"])
    def test_should_let_teachers_read_everything_when_the_setting_says_so(
        self, school: School, open_api: Api, caller: str, course: str, route: str
    ) -> None:
        answer = ask(school, open_api, caller, COURSES[course], route)
        assert outcome(answer) == expected(caller, course, route, scope="all")

    def test_should_say_the_same_of_a_foreign_and_an_absent_course(self, school: School) -> None:
        for route in ROUTES:
            bodies = [ask(school, school.api, "teacher", course, route).json() for course in (FOREIGN, ABSENT)]
            assert bodies[0]["detail"] == bodies[1]["detail"], route

    def test_should_show_a_teacher_what_a_learner_did_in_own_courses_alone(self, school: School) -> None:
        shown = {
            caller: {one["course_id"] for one in school.get("/api/v1/metrics/user/u1", caller=caller).json()}
            for caller in ("teacher", "other teacher", "admin", "viewer")
        }
        assert shown == {
            "teacher": {OWN}, "other teacher": {FOREIGN}, "admin": {OWN, FOREIGN}, "viewer": {OWN, FOREIGN},
        }  # fmt: skip

    def test_should_refuse_students_their_own_values(self, school: School) -> None:
        student = school.api.person()
        school.know(student.user_id)
        answer = school.api.get(f"/api/v1/metrics/user/{student.user_id}", token=student.token, params=WEEK)
        assert said(answer) == (403, "forbidden")


@pytest.fixture(scope="module")
def open_api(school: School) -> Any:
    api = Api(InMemoryOrchestrator(), {**school.api.environ, "METRICS_TEACHER_SCOPE": "all"})
    yield api
    api.close()
