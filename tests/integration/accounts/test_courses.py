"""Courses: who teaches them, and what became of their items."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select

from include.accounts.actors import Actor
from include.accounts.courses import (
    Course,
    CourseItem,
    courses_of_teacher,
    projects_of_course,
    read_course,
    write_course,
)
from include.accounts.people import Account
from include.state.tables import course_items
from tests.account_days import NOW, People, refusal

ADMIN = Actor("airflow:admin", may_grant=True)
HOUR = dt.timedelta(hours=1)
VIDEO, TEST, TALK = CourseItem("video", "m1"), CourseItem("test", "m1"), CourseItem("talk", "", False)


@pytest.fixture(scope="module")
def teacher(state: Engine) -> Account:
    return People(state).register(role="teacher")


@pytest.fixture(scope="module")
def student(state: Engine) -> Account:
    return People(state).register()


@pytest.fixture
def course_id() -> str:
    return str(uuid.uuid4())


def write(state: Engine, course_id: str, *items: CourseItem, hours: float = 0, **changes: Any) -> Course:
    given = {"project": "default", "teachers": (), "by": ADMIN, "now": NOW + hours * HOUR} | changes
    return write_course(state, course_id=course_id, items=items, **given)


def history(state: Engine, course_id: str) -> list[tuple[str, float, float | None]]:
    """Item, hours after the start until it came and until it left."""
    c = course_items.c
    query = select(c.item_id, c.valid_from_at, c.valid_to_at).where(c.course_id == course_id)
    with state.connect() as connection:
        rows = connection.execute(query.order_by(c.valid_from_at, c.item_id)).all()
    return [
        (name, (begun - NOW) / HOUR, None if ended is None else (ended - NOW) / HOUR) for name, begun, ended in rows
    ]


class TestReadCourse:
    def test_should_give_back_what_was_written_when_read(self, state: Engine, course_id: str, teacher: Account) -> None:
        written = write(state, course_id, VIDEO, TALK, teachers=[teacher.user_id.upper()], time_zone="Europe/Moscow")
        assert read_course(state, "default", course_id) == written
        assert written == Course(
            "default", course_id, "Europe/Moscow", (teacher.user_id,), (TALK, VIDEO), "airflow:admin", NOW
        )

    @pytest.mark.parametrize("name", ["nothing", "", "\0", "\ud800"])
    def test_should_be_nothing_when_unknown(self, state: Engine, name: str) -> None:
        assert read_course(state, "default", name) is None
        assert projects_of_course(state, name) == ()


class TestItemHistory:
    def test_should_end_an_item_when_it_leaves(self, state: Engine, course_id: str) -> None:
        write(state, course_id, VIDEO, TEST)
        write(state, course_id, VIDEO, hours=1)
        assert history(state, course_id) == [("test", 0, 1), ("video", 0, None)]

    def test_should_begin_a_new_row_when_an_item_comes_back(self, state: Engine, course_id: str) -> None:
        for hours, items in enumerate([(VIDEO,), (), (VIDEO,)]):
            write(state, course_id, *items, hours=hours)
        assert history(state, course_id) == [("video", 0, 1), ("video", 2, None)]

    def test_should_begin_a_new_row_when_an_item_changes(self, state: Engine, course_id: str) -> None:
        write(state, course_id, VIDEO)
        write(state, course_id, CourseItem("video", "m1", is_required=False), hours=1)
        assert history(state, course_id) == [("video", 0, 1), ("video", 1, None)]

    def test_should_change_nothing_when_written_twice(self, state: Engine, course_id: str) -> None:
        first = write(state, course_id, VIDEO, TEST)
        assert write(state, course_id, TEST, VIDEO, hours=1) == first
        assert history(state, course_id) == [("test", 0, None), ("video", 0, None)]

    def test_should_leave_no_empty_time_when_all_happens_at_once(self, state: Engine, course_id: str) -> None:
        for items in [(VIDEO,), (), (VIDEO,), (TEST,)]:
            write(state, course_id, *items)
        assert history(state, course_id) == [("test", 0, None)]

    def test_should_keep_order_when_a_clock_goes_back(self, state: Engine, course_id: str) -> None:
        write(state, course_id, VIDEO, hours=2)
        write(state, course_id, TEST, hours=3)
        write(state, course_id, VIDEO, hours=1)
        assert history(state, course_id) == [("video", 2, 3), ("video", 3, None)]

    def test_should_keep_one_open_row_when_written_by_eight_at_once(self, state: Engine, course_id: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda hours: write(state, course_id, VIDEO, TEST, hours=hours), range(8)))
        assert [ended for _, _, ended in history(state, course_id)] == [None, None]


class TestTeachers:
    def test_should_name_the_courses_when_somebody_teaches(self, state: Engine, course_id: str) -> None:
        taught = People(state).register(role="teacher")
        write(state, course_id, teachers=[taught.user_id, taught.user_id])
        assert courses_of_teacher(state, taught.user_id) == {("default", course_id)}
        write(state, course_id, hours=1)
        assert courses_of_teacher(state, taught.user_id) == frozenset()

    @pytest.mark.parametrize("user_id", ["nobody", "", "\0", "00000000-0000-4000-8000-000000000001"])
    def test_should_name_no_course_when_the_account_is_unknown(self, state: Engine, user_id: str) -> None:
        assert courses_of_teacher(state, user_id) == frozenset()

    def test_should_name_its_project_when_a_course_exists(self, state: Engine, course_id: str) -> None:
        write(state, course_id)
        assert projects_of_course(state, course_id) == ("default",)


class TestRefusals:
    @pytest.mark.parametrize("name", ["", "  ", "x" * 129, "a\0", "\ud800"])
    def test_should_refuse_ids_when_unusable(self, state: Engine, course_id: str, name: str) -> None:
        assert refusal(write, state, name) == "bad_id"
        assert refusal(write, state, course_id, CourseItem(name)) == "bad_id"

    def test_should_refuse_an_item_when_named_twice(self, state: Engine, course_id: str) -> None:
        assert refusal(write, state, course_id, VIDEO, CourseItem(" video ")) == "duplicate_item"

    def test_should_refuse_a_zone_when_unknown(self, state: Engine, course_id: str) -> None:
        assert refusal(write, state, course_id, time_zone="Mars/Base") == "bad_zone"

    @pytest.mark.parametrize("project", ["nothing", "", "\0"])
    def test_should_refuse_a_project_when_unknown(self, state: Engine, course_id: str, project: str) -> None:
        assert refusal(write, state, course_id, project=project) == "project_unknown"

    @pytest.mark.parametrize("user_id", ["nobody", "", "\0", "00000000-0000-4000-8000-000000000001"])
    def test_should_refuse_a_teacher_when_unknown(self, state: Engine, course_id: str, user_id: str) -> None:
        assert refusal(write, state, course_id, teachers=[user_id]) == "teacher_unknown"
        assert read_course(state, "default", course_id) is None

    def test_should_refuse_an_account_when_it_is_no_teacher(
        self, state: Engine, course_id: str, teacher: Account, student: Account
    ) -> None:
        assert refusal(write, state, course_id, teachers=[teacher.user_id, student.user_id]) == "not_a_teacher"
