"""Which courses and people the metrics know, who may read what, and the list of courses."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from sqlalchemy import insert

from include.errors import InputError, StoreUnavailable
from include.metrics.reading.courses_listed import listed_courses
from include.metrics.reading.known import courses_known, person_of, readable_courses, require_course
from include.state.tables import (
    DEFAULT_PROJECT_NUMBER,
    accounts,
    course_teachers,
    identities,
    metric_touched_days,
    persons,
    projects,
)
from tests.metric_events import learned, person_id
from tests.metric_reader import Reader, day_of, instant
from tests.metric_runs import CLOSED


class TestRequireCourse:
    def test_should_know_a_course_when_events_name_it(self, reader: Reader) -> None:
        reader.runs.stores.put([learned("2025-03-04 10:00:00")])
        reader.runs.run()
        assert require_course(reader.stores.engine, "c1").zone.key == "UTC"

    def test_should_know_a_course_when_it_is_registered_only(self, reader: Reader) -> None:
        reader.runs.stores.set_zone("Europe/Moscow")
        assert require_course(reader.stores.engine, "c1", "default").zone.key == "Europe/Moscow"

    @pytest.mark.parametrize(
        ("course", "project"), [("c2", None), ("c1", "other"), ("c1\0", None)], ids=["id", "project", "text"]
    )
    def test_should_refuse_when_nobody_knows_it(self, reader: Reader, course: str, project: str | None) -> None:
        reader.runs.stores.set_zone("UTC")
        with pytest.raises(InputError) as caught:
            require_course(reader.stores.engine, course, project)
        assert caught.value.code == "course_unknown"

    def test_should_ask_for_the_project_when_several_have_it(self, reader: Reader) -> None:
        reader.runs.stores.set_zone("UTC", project="default")
        reader.runs.stores.set_zone("UTC", project="shop")
        with pytest.raises(InputError) as caught:
            require_course(reader.stores.engine, "c1")
        assert caught.value.code == "ambiguous_project"
        assert courses_known(reader.stores.engine, course_id="c1") == (("default", "c1"), ("shop", "c1"))
        assert require_course(reader.stores.engine, "c1", "shop").project == "shop"


class TestReadableCourses:
    def test_should_be_the_own_ones_when_teachers_are_assigned(self, reader: Reader) -> None:
        teacher, now = str(uuid.uuid4()), dt.datetime.now(dt.UTC)
        account = {"user_id": teacher, "email": "t", "email_key": teacher, "role": "teacher", "password_hash": "x"}
        with reader.stores.engine.begin() as connection:
            connection.execute(insert(accounts).values(**account, created_at=now))
            connection.execute(insert(course_teachers).values(project="default", course_id="c1", user_id=teacher))
        assert readable_courses(reader.stores.engine, teacher, "assigned") == {("default", "c1")}
        assert readable_courses(reader.stores.engine, str(uuid.uuid4()), "assigned") == frozenset()
        assert readable_courses(reader.stores.engine, teacher, "all") is None


class TestPersonOf:
    def test_should_find_the_person_when_an_event_named_the_id(self, reader: Reader) -> None:
        user, now = f"user {uuid.uuid4()}", dt.datetime.now(dt.UTC)
        with reader.stores.engine.begin() as connection:
            person = {"person_id": person_id(user), "project_number": DEFAULT_PROJECT_NUMBER}
            connection.execute(insert(persons).values(**person, first_seen_at=now))
            connection.execute(insert(identities).values(**person, namespace="user_id", external_id=user))
            connection.execute(insert(identities).values(**person, namespace="device_id", external_id=f"{user} phone"))
            shop = {"project": user, "app_name": "", "name_key": "", "owner": user, "created_at": now}
            connection.execute(insert(projects).values(**shop))
        engine = reader.stores.engine
        assert person_of(engine, "default", f" {user} ") == person_id(user)
        for project, name in (
            ("default", user.upper()),
            ("default", f"{user} phone"),
            (user, user),
            ("nowhere", user),
            ("default", "\0"),
        ):
            assert person_of(engine, project, name) is None


class TestListedCourses:
    def test_should_say_what_is_calculated_when_courses_differ(self, reader: Reader) -> None:
        stores = reader.runs.stores
        stores.put([learned("2025-03-04 10:00:00"), learned("2025-03-06 10:00:00", user="u2")])
        reader.runs.run()
        stores.set_zone("Europe/Moscow", course="registered")
        waiting = {
            "project": "default",
            "course_id": "c1",
            "day": day_of(5),
            "cause": "late_data",
            "touched_at": CLOSED,
        }
        with reader.stores.engine.begin() as connection:
            for kind in ("events", "cohort"):
                connection.execute(insert(metric_touched_days).values(**waiting, kind=kind))
        page = listed_courses(reader.stores)
        active, registered = (one.document() for one in page.items)
        assert page.total == 2
        assert {key: active[key] for key in ("course_id", "first_day", "last_day", "day_count", "person_count")} == {
            "course_id": "c1",
            "first_day": "2025-03-04",
            "last_day": "2025-03-06",
            "day_count": 2,
            "person_count": 2,
        }
        assert active["slice_count"] == len(reader.runs.slices())
        assert (active["last_calculated_at"], active["pending_day_count"]) == ("2025-06-01T00:00:00.000Z", 1)
        assert registered == {
            "project": "default",
            "course_id": "registered",
            "timezone": "Europe/Moscow",
            "first_day": None,
            "last_day": None,
            "day_count": 0,
            "person_count": 0,
            "slice_count": 0,
            "last_calculated_at": None,
            "pending_day_count": 0,
        }

    def test_should_page_and_narrow_when_asked_to(self, reader: Reader) -> None:
        for project, course in (("b", "1"), ("a", "2"), ("a", "1")):
            reader.runs.stores.set_zone("UTC", course=course, project=project)
        names = [(one.project, one.course_id) for one in listed_courses(reader.stores, limit=2, offset=1).items]
        assert names == [("a", "2"), ("b", "1")]
        assert listed_courses(reader.stores, project="a").total == 2
        own = listed_courses(reader.stores, readable=frozenset({("b", "1"), ("c", "1")}))
        assert [(one.project, one.course_id) for one in own.items] == [("b", "1")]
        assert listed_courses(reader.stores, project="nowhere").items == ()


class TestZoneOfACourse:
    """Days cut in one zone are never shown under the name of another."""

    def test_should_read_the_course_as_it_was_cut_when_its_zone_has_just_changed(self, reader: Reader) -> None:
        stores = reader.runs.stores
        stores.put([learned("2025-03-03 22:00:00"), learned("2025-03-05 10:00:00")])
        reader.runs.run()
        stores.set_zone("Europe/Moscow")
        before = require_course(reader.stores.engine, "c1")
        (listed,) = listed_courses(reader.stores).items
        reader.runs.run()
        after = require_course(reader.stores.engine, "c1")
        assert (before.zone.key, listed.time_zone, after.zone.key) == ("UTC", "UTC", "Europe/Moscow")
        values = reader.user(grain="day", metrics=["engagement_score"], version=1)
        found = [(one.period.first_day, one.value) for one in values if one.value is not None]
        assert found == [(day_of(1), 1.0), (day_of(2), 1.0)]  # it was Tuesday in Moscow

    def test_should_ask_for_patience_when_days_are_just_being_cut(self, reader: Reader) -> None:
        stores = reader.runs.stores
        stores.put([learned("2025-03-03 22:00:00")])
        reader.runs.run()
        stores.set_zone("Europe/Moscow")
        moscow = (instant("2025-03-02 21:00:00"), instant("2025-03-09 21:00:00"))
        with pytest.raises(StoreUnavailable, match="being cut"):
            reader.user(bounds=moscow)
        with pytest.raises(StoreUnavailable, match="being cut"):
            reader.figures(bounds=moscow)
