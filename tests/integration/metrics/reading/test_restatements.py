"""L4: the list of what changed in closed periods, and who is named in it."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from sqlalchemy import insert, select

from include.metrics.names import Metric
from include.metrics.reading.restatements import Restatement, restatements
from include.state.tables import DEFAULT_PROJECT_NUMBER, identities, metric_restatements, metric_slices, persons
from tests.metric_events import learned, person_id
from tests.metric_reader import WEEK, Reader, instant
from tests.metric_runs import MetricRuns

FIRST, SECOND = instant("2025-06-02"), instant("2025-06-03")


@pytest.fixture(scope="module")
def restated(own: MetricRuns) -> Reader:
    """A closed week in two courses, with a late event each, on two days; the tests of the first class read it only."""
    own.stores.clear()
    reader, stores = Reader(own), own.stores
    stores.put([learned("2025-03-04 10:00:00", course=course) for course in ("c1", "c2")])
    reader.runs.run()
    for now, course in ((FIRST, "c1"), (SECOND, "c2")):
        stores.put([learned("2025-03-04 10:10:00", course=course)])
        reader.runs.run(now=now, run_id=f"run of {course}")
    return reader


def listed(reader: Reader, **asked: object) -> tuple[Restatement, ...]:
    return restatements(reader.stores.engine, limit=1000, **asked).items  # type: ignore[arg-type]


class TestRestatements:
    def test_should_say_everything_when_a_late_event_changed_a_closed_week(self, restated: Reader) -> None:
        (one,) = (
            row
            for row in listed(restated, course_id="c1", metric=Metric.ENGAGEMENT_SCORE)
            if row.version == 1 and row.period.grain == "week"
        )
        assert (one.old_value, one.new_value, one.old_sample_n, one.new_sample_n) == (1.0, 2.0, 1, 2)
        assert (one.cause, one.run_id, one.restated_at) == ("late_data", "run of c1", FIRST)
        assert (one.period.start_at, one.period.end_at) == WEEK
        document = one.document()
        assert document["metric_name"] == "engagement_score"
        assert document["load_ids"] == list(one.load_ids) != []
        assert document["restated_at"] == "2025-06-02T00:00:00.000Z"

    def test_should_give_the_newest_first_when_there_are_many(self, restated: Reader) -> None:
        found = listed(restated)
        keys = [(one.restated_at, one.restatement_id) for one in found]
        assert keys == sorted(keys, reverse=True)
        assert {one.course_id for one in found} == {"c1", "c2"}

    @pytest.mark.parametrize(
        ("asked", "courses"),
        [
            ({"course_id": "c1"}, {"c1"}),
            ({"project": "default"}, {"c1", "c2"}),
            ({"project": "other"}, set()),
            ({"from_at": SECOND}, {"c2"}),
            ({"to_at": SECOND}, {"c1"}),
            ({"from_at": FIRST, "to_at": SECOND + dt.timedelta(milliseconds=1)}, {"c1", "c2"}),
            ({"readable": frozenset({("default", "c2")})}, {"c2"}),
            ({"readable": frozenset()}, set()),
            ({"course_id": "c1\0"}, set()),
        ],
        ids=["course", "project", "other project", "from", "to", "both", "own", "nothing of one's own", "no course"],
    )
    def test_should_narrow_the_list_when_asked_to(
        self, restated: Reader, asked: dict[str, object], courses: set[str]
    ) -> None:
        assert {one.course_id for one in listed(restated, **asked)} == courses

    def test_should_lose_and_repeat_nothing_when_paged(self, restated: Reader) -> None:
        everything = [one.restatement_id for one in listed(restated)]
        pages = [
            restatements(restated.stores.engine, limit=3, offset=offset) for offset in range(0, len(everything) + 3, 3)
        ]
        assert [one.restatement_id for page in pages for one in page.items] == everything
        assert {page.total for page in pages} == {len(everything)}

    def test_should_name_the_learner_when_intake_knows_them(self, restated: Reader) -> None:
        assert {one.user_ids for one in listed(restated)} == {()}
        with restated.stores.engine.begin() as connection:
            person = {"person_id": person_id("u1"), "project_number": DEFAULT_PROJECT_NUMBER}
            connection.execute(insert(persons).values(**person, first_seen_at=FIRST))
            connection.execute(insert(identities).values(**person, namespace="user_id", external_id="u1"))
            connection.execute(insert(identities).values(**person, namespace="device_id", external_id="phone"))
        assert {one.user_ids for one in listed(restated)} == {("u1",)}


class TestRestatementsOfOneInstant:
    def test_should_order_by_number_when_restated_at_one_instant(self, reader: Reader) -> None:
        reader.runs.stores.put([learned("2025-03-04 10:00:00")])
        reader.runs.run()
        with reader.stores.engine.begin() as connection:
            slice_id = connection.execute(select(metric_slices.c.slice_id).limit(1)).scalar_one()
            row = {"slice_id": slice_id, "old_value": None, "new_value": 1.0, "old_sample_n": 0, "new_sample_n": 1}
            told = {"cause": "late_data", "run_id": "r", "restated_at": FIRST}
            people = [str(uuid.UUID(int=number)) for number in range(5)]
            connection.execute(insert(metric_restatements), [{**row, **told, "person_id": one} for one in people])
        assert [one.person_id for one in listed(reader)] == people[::-1]
