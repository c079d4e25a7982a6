"""Courses over HTTP: who may see and change which, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api_client import EDITOR, VIEWER, Api


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def path() -> str:
    return f"/api/v1/courses/{uuid4()}"


class TestWrite:
    def test_should_keep_what_is_not_given_when_a_course_is_changed(self, api: Api, path: str) -> None:
        teacher = api.person("teacher")
        items = [{"item_id": "i1", "module_id": "m1", "required": False}, {"item_id": "i2"}]
        body = {"teachers": [teacher.user_id], "items": items, "timezone": "Europe/Moscow"}
        made = api.put(path, json=body)
        changed = api.put(path, token=api.person("admin").token, json={"timezone": "UTC"}).json()
        assert (made.status_code, made.json()["project"], made.json()["updated_by"]) == (200, "default", "airflow:erin")
        assert changed["items"] == [items[0], {"item_id": "i2", "module_id": None, "required": True}]
        assert (changed["teachers"], changed["timezone"]) == ([teacher.user_id], "UTC")
        assert api.get(path, token=VIEWER).json() == changed

    def test_should_take_the_zone_of_its_project_when_a_new_course_names_none(self, api: Api, path: str) -> None:
        app_code = api.app_code(timezone="Asia/Tokyo")
        made = api.put(f"{path}?project={app_code}", json={}).json()
        assert made["timezone"] == "Asia/Tokyo"
        api.put(f"{path}?project={app_code}", json={"timezone": "UTC"})
        assert api.put(f"{path}?project={app_code}", json={}).json()["timezone"] == "UTC"
        assert api.put(f"{path}?project=default", json={}).json()["timezone"] == "UTC"

    def test_should_answer_422_when_a_teacher_is_none(self, api: Api, path: str) -> None:
        unknown = api.put(path, json={"teachers": [str(uuid4())], "items": []})
        student = api.put(path, json={"teachers": [api.person().user_id]})
        assert [said(answer) for answer in (unknown, student)] == [(422, "teacher_unknown"), (422, "not_a_teacher")]
        assert unknown.json()["errors"][0]["pointer"] == "/teachers/0"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"timezone": "Mars/Olympus"}, "bad_zone"),
            ({"items": [{"item_id": "a"}, {"item_id": "a"}]}, "duplicate_item"),
            ({"items": [{"item_id": ""}]}, "bad_id"),
            ({"items": [{"item_id": "a", "weight": 1}]}, "unknown_field"),
            ({"teachers": "me"}, "list_type"),
        ],
    )
    def test_should_answer_422_when_the_course_makes_no_sense(
        self, api: Api, path: str, body: dict[str, Any], code: str
    ) -> None:
        assert said(api.put(path, json=body)) == (422, code)

    def test_should_answer_404_when_there_is_no_such_project(self, api: Api, path: str) -> None:
        assert said(api.put(f"{path}?project=nothing", json={})) == (404, "project_unknown")

    def test_should_answer_422_when_body_and_query_differ(self, api: Api, path: str) -> None:
        assert said(api.put(f"{path}?project=a", json={"project": "b"})) == (422, "conflicting_input")

    def test_should_ask_for_the_project_when_several_have_the_course(self, api: Api, path: str) -> None:
        app_code = api.app_code()
        for project in ("default", app_code):
            assert api.put(f"{path}?project={project}", json={}).status_code == 200
        assert said(api.get(path)) == said(api.put(path, json={})) == (422, "ambiguous_project")
        assert api.get(f"{path}?project={app_code}").json()["project"] == app_code

    def test_should_refuse_when_a_teacher_writes(self, api: Api, path: str) -> None:
        teacher = api.person("teacher")
        api.put(path, json={"teachers": [teacher.user_id]})
        assert said(api.put(path, token=teacher.token, json={})) == (403, "forbidden")


class TestRead:
    def test_should_show_teachers_their_own_courses_alone(self, api: Api, path: str) -> None:
        own, other = api.person("teacher"), api.person("teacher")
        api.put(path, token=EDITOR, json={"teachers": [own.user_id]})
        assert api.get(path, token=own.token).status_code == 200
        foreign = api.get(path, token=other.token)
        absent = api.get(f"/api/v1/courses/{uuid4()}", token=other.token)
        assert said(foreign) == said(absent) == (403, "course_not_yours")
        assert foreign.json()["detail"] == absent.json()["detail"]

    @pytest.mark.parametrize("course_id", ["00000000-0000-4000-8000-000000000001", "%00", "a%2Fb"])
    def test_should_answer_404_when_there_is_no_such_course(self, api: Api, course_id: str) -> None:
        assert api.get(f"/api/v1/courses/{course_id}").status_code == 404

    def test_should_refuse_students(self, api: Api, path: str) -> None:
        assert said(api.get(path, token=api.person().token)) == (403, "forbidden")
