"""Completion, withdrawal and the registration curve of 32,593 public registrations, from our own events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.metrics.values.computing import ValueRow
from include.services.engines.endpoints import Endpoints
from tests.completed_days import completions, take_events
from tests.event_inbox import Inbox, own_inbox
from tests.oulad_events import COMPLETED, ENROLLED, FINAL, WITHDRAWN, events_of, registrations, send, start_of

pytestmark = pytest.mark.shared_data
REGISTRATIONS, STUDENTS = 32_593, 28_785
CURVE = {0: 0.9050, 14: 0.8627, 30: 0.8427, 60: 0.8088, 90: 0.7843, 120: 0.7602, 180: 0.7141, 240: 0.6912}
# Grain: one registration, that is one person in one course. Days count from the start of the presentation.
REGISTERED = """
SELECT person_id, scope_id AS course,
    transform(extract(scope_id, '-(.*)'), %(presentations)s, %(starts)s, 0) AS start_day,
    countIf(event_name = %(enrolled)s) AS enrolled,
    maxIf(JSONExtractString(props, 'final_result'), startsWith(event_name, 'task_')) AS result,
    result IN %(completed)s AS is_completed,
    minOrNullIf(toInt32(toDate32(event_time)) - start_day, event_name = %(withdrawn)s) AS left_day
FROM events FINAL WHERE scope_type = 'course' GROUP BY person_id, scope_id
"""


@pytest.fixture(scope="module")
def frame(shared_data: Callable[[str], Path]) -> pd.DataFrame:
    return registrations(shared_data)


@pytest.fixture(scope="module")
def inbox(endpoints: Endpoints, frame: pd.DataFrame) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        send(found, list(events_of(frame)))
        yield found


@pytest.fixture(scope="module")
def ask(inbox: Inbox, frame: pd.DataFrame) -> Callable[..., tuple[Any, ...]]:
    """Ask for figures over all registrations that our events tell of."""
    presentations = sorted(set(frame["code_presentation"]))
    given = {
        "presentations": presentations,
        "starts": [(start_of(one) - dt.date(1970, 1, 1)).days for one in presentations],
        "enrolled": ENROLLED,
        "withdrawn": WITHDRAWN,
        "completed": COMPLETED,
    }

    def figures(columns: str, **parameters: Any) -> tuple[Any, ...]:
        return inbox.warehouse.execute(f"SELECT {columns} FROM ({REGISTERED})", {**given, **parameters})[0]

    return figures


Ask = Callable[..., tuple[Any, ...]]


class TestEvents:
    def test_should_keep_every_event_when_all_registrations_are_sent(self, inbox: Inbox, frame: pd.DataFrame) -> None:
        counted = dict(inbox.warehouse.execute("SELECT event_name, count() FROM events FINAL GROUP BY event_name"))
        results = counted.pop("task_success"), counted.pop("task_fail")
        assert (counted, sum(results)) == ({ENROLLED: REGISTRATIONS, WITHDRAWN: 10_072}, REGISTRATIONS)
        assert len(frame) == REGISTRATIONS

    def test_should_tell_results_apart_when_registrations_are_counted_by_result(
        self, inbox: Inbox, frame: pd.DataFrame
    ) -> None:
        rows = inbox.warehouse.execute(
            "SELECT JSONExtractString(props, 'final_result') AS result, count() FROM events FINAL "
            "WHERE event_name IN ('task_success', 'task_fail') GROUP BY result"
        )
        assert dict(rows) == {"Pass": 12_361, "Withdrawn": 10_156, "Fail": 7_052, "Distinction": 3_024}
        assert dict(rows) == frame["final_result"].value_counts().to_dict()


class TestCompletion:
    """Completed is Pass or Distinction; every test says what it divides by. ClickHouse and pandas agree."""

    def test_should_be_472_of_1000_when_divided_by_all_registrations(self, ask: Ask, frame: pd.DataFrame) -> None:
        found = ask("sum(is_completed), sum(enrolled), avg(is_completed)")
        assert found[:2] == (15_385, REGISTRATIONS)
        assert found[2] == pytest.approx(frame["final_result"].isin(COMPLETED).mean(), rel=1e-9)
        assert round(found[2], 6) == 0.472034

    def test_should_be_686_of_1000_when_divided_by_those_not_withdrawn(self, ask: Ask, frame: pd.DataFrame) -> None:
        found = ask("sum(is_completed), countIf(result != 'Withdrawn') AS n, sum(is_completed) / n")
        stayed = frame[frame["final_result"] != "Withdrawn"]
        assert found[:2] == (15_385, 22_437)
        assert found[2] == pytest.approx(stayed["final_result"].isin(COMPLETED).mean(), rel=1e-9)
        assert round(found[2], 6) == 0.685698

    def test_should_be_522_of_1000_when_divided_by_those_registered_after_day_0(
        self, ask: Ask, frame: pd.DataFrame
    ) -> None:
        begun = "left_day IS NULL OR left_day > 0"
        found = ask(f"sum(is_completed), countIf({begun}) AS n, sum(is_completed) / n")
        begun_frame = frame[~(frame["date_unregistration"] <= 0)]
        assert found[:2] == (15_385, 29_496)
        assert found[2] == pytest.approx(begun_frame["final_result"].isin(COMPLETED).mean(), rel=1e-9)
        assert round(found[2], 6) == 0.521596

    def test_should_be_507_of_1000_when_divided_by_students(self, ask: Ask, frame: pd.DataFrame) -> None:
        found = ask("uniqExactIf(person_id, is_completed), uniqExact(person_id)")
        by_student = frame["final_result"].isin(COMPLETED).groupby(frame["id_student"]).any()
        assert found == (14_581, STUDENTS) == (by_student.sum(), len(by_student))
        assert round(found[0] / found[1], 6) == 0.506549

    @pytest.mark.parametrize(
        ("course", "completed", "registered"),
        [("AAA-2013J", 278, 383), ("BBB-2014J", 1_152, 2_292), ("CCC-2014B", 663, 1_936), ("GGG-2013J", 592, 952)],
    )
    def test_should_equal_published_counts_when_divided_by_registrations_of_one_presentation(
        self, ask: Ask, frame: pd.DataFrame, course: str, completed: int, registered: int
    ) -> None:
        found = ask("sumIf(is_completed, course = %(course)s), countIf(course = %(course)s)", course=course)
        own = frame.loc[frame["course"] == course, "final_result"].isin(COMPLETED)
        assert found == (completed, registered) == (own.sum(), len(own))


class TestWithdrawal:
    def test_should_be_312_of_1000_when_results_are_divided_by_all_registrations(self, ask: Ask) -> None:
        found = ask("countIf(result = 'Withdrawn'), count()")
        assert found == (10_156, REGISTRATIONS)
        assert round(found[0] / found[1], 3) == 0.312

    def test_should_differ_from_results_where_days_of_withdrawal_are_missing_or_odd(self, ask: Ask) -> None:
        left, withdrawn = "left_day IS NOT NULL", "result = 'Withdrawn'"
        found = ask(
            f"countIf({left}), countIf(left_day <= 0), countIf({withdrawn} AND NOT {left}), "
            f"countIf({left} AND NOT {withdrawn})"
        )
        assert found == (10_072, 3_097, 93, 9)


class TestRegistrationCurve:
    """Share still registered after a day, of all 32,593 registrations; leaving on the day itself is leaving."""

    def test_should_equal_the_published_curve_when_withdrawals_are_events(self, ask: Ask, frame: pd.DataFrame) -> None:
        days = list(CURVE)
        found = ask(", ".join(f"countIf(left_day IS NULL OR left_day > {day}) / count()" for day in days))
        reference = [1 - float(np.mean(frame["date_unregistration"] <= day)) for day in days]
        assert found == pytest.approx(reference, rel=1e-9)
        assert [round(share, 4) for share in found] == list(CURVE.values())


@pytest.fixture(scope="module")
def values(inbox: Inbox, frame: pd.DataFrame) -> dict[tuple[str, int], list[ValueRow]]:
    take_events(inbox)
    found: dict[tuple[str, int], list[ValueRow]] = {}
    for course, own in frame.groupby("course"):
        day = own["start"].iloc[0] + dt.timedelta(days=int(own["module_presentation_length"].iloc[0]))
        for row in completions(inbox, course, [FINAL], day):
            found.setdefault((course, row.version), []).append(row)
    return found


class TestCompletionMetric:
    """The product's completion of the day results come out: a person of a course is a registration.

    The one required item is the final result, so both versions divide as the published figures do: by registrations.
    """

    @pytest.mark.parametrize("version", [1, 2])
    def test_should_equal_the_published_share_of_each_presentation_when_people_are_averaged(
        self, values: dict[tuple[str, int], list[ValueRow]], frame: pd.DataFrame, version: int
    ) -> None:
        published = frame["final_result"].isin(COMPLETED).groupby(frame["course"]).agg(["sum", "size"])
        found = {course: rows for (course, own), rows in values.items() if own == version}
        assert {course: len(rows) for course, rows in found.items()} == published["size"].to_dict()
        for course, rows in found.items():
            shares = [row.value for row in rows if row.value is not None]
            assert (sum(shares), len(shares)) == tuple(published.loc[course])

    @pytest.mark.parametrize("version", [1, 2])
    def test_should_be_472_of_1000_when_numerators_and_denominators_are_pooled(
        self, values: dict[tuple[str, int], list[ValueRow]], version: int
    ) -> None:
        rows = [row for (_, own), some in values.items() if own == version for row in some]
        pooled = sum(row.numerator or 0 for row in rows), sum(row.denominator or 0 for row in rows)
        assert pooled == (15_385, REGISTRATIONS)
        assert round(pooled[0] / pooled[1], 6) == 0.472034
