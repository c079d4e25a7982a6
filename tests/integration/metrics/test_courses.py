"""The zone of a course's days, and what the course asked for at the end of a period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, update

from include.accounts.actors import Actor
from include.accounts.courses import CourseItem, write_course
from include.metrics.courses import learning_course, required_items
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.state.tables import projects
from tests.loading import own_stores

FIRST = dt.datetime(2025, 3, 10, 12, tzinfo=dt.UTC)
SECOND = FIRST + dt.timedelta(days=7)
BY = Actor("command")


@pytest.fixture(scope="module")
def engine(endpoints: Endpoints) -> Iterator[Engine]:
    with own_stores(endpoints) as environ:
        url = Settings.from_env(environ).database_url
        assert url is not None
        found = connect_state(url)
        migrate(found)
        yield found
        found.dispose()


def write(engine: Engine, course_id: str, *items: CourseItem, now: dt.datetime, zone: str = "UTC") -> None:
    write_course(
        engine, project="default", course_id=course_id, teachers=(), items=items, time_zone=zone, by=BY, now=now
    )


def asked_at(engine: Engine, course_id: str, moment: dt.datetime) -> tuple[str, ...]:
    with engine.connect() as connection:
        course = learning_course(connection, "default", course_id)
        return required_items(connection, course, [moment])[moment]


class TestLearningCourse:
    def test_should_take_the_zone_of_the_course_when_it_is_registered(self, engine: Engine) -> None:
        write(engine, "zoned", now=FIRST, zone="Asia/Kathmandu")
        with engine.connect() as connection:
            assert learning_course(connection, "default", "zoned").zone.key == "Asia/Kathmandu"

    def test_should_take_the_zone_of_the_project_when_nobody_registered_it(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(update(projects).values(time_zone="Europe/Moscow"))
        with engine.connect() as connection:
            assert learning_course(connection, "default", "wild").zone.key == "Europe/Moscow"
            assert learning_course(connection, "nobody", "wild").zone.key == "UTC"


class TestRequiredItems:
    def test_should_be_none_when_the_course_asks_for_nothing(self, engine: Engine) -> None:
        write(engine, "empty", CourseItem("extra", is_required=False), now=FIRST)
        assert asked_at(engine, "empty", SECOND) == asked_at(engine, "wild", SECOND) == ()

    def test_should_hold_for_the_past_when_it_is_the_first_catalogue(self, engine: Engine) -> None:
        write(engine, "grown", CourseItem("b"), CourseItem("a"), now=FIRST)
        write(engine, "grown", CourseItem("a"), CourseItem("c"), CourseItem("d", is_required=False), now=SECOND)
        assert asked_at(engine, "grown", FIRST - dt.timedelta(days=400)) == ("a", "b")
        assert asked_at(engine, "grown", SECOND) == ("a", "b")  # the period ends before the change
        assert asked_at(engine, "grown", SECOND + dt.timedelta(milliseconds=1)) == ("a", "c")

    def test_should_follow_when_an_item_becomes_optional(self, engine: Engine) -> None:
        write(engine, "eased", CourseItem("a"), now=FIRST)
        write(engine, "eased", CourseItem("a", is_required=False), now=SECOND)
        assert asked_at(engine, "eased", SECOND) == ("a",)
        assert asked_at(engine, "eased", SECOND + dt.timedelta(days=1)) == ()
