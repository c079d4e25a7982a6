"""What a public learning platform calculates from page views, enrolments and grades, from our own events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.metrics.values.computing import ValueRow
from include.services.engines.endpoints import Endpoints
from tests.aspects_events import (
    ALL,
    ENROLLED,
    GRADED,
    PAGE_VIEW,
    READING_DAY,
    SOME,
    UNENROLLED,
    Reading,
    enrolments,
    grades,
    page_views,
    read,
    reading_events,
    readings_of,
    send,
)
from tests.completed_days import completions, take_events
from tests.event_inbox import Inbox, own_inbox
from tests.metric_events import person_id

pytestmark = pytest.mark.shared_data
# Grain: one learner and page of the course's structure that he or she visited. Pages unknown to it are dropped.
VISITED = """
SELECT scope_id AS course_key, user_id AS actor_id, module_id AS block_id,
    toString(toDate(max(event_time))) AS visited_on
FROM events FINAL WHERE event_name = %(page_view)s AND (scope_id, module_id) IN %(structure)s
GROUP BY scope_id, user_id, module_id
"""
# Grain: one learner and subsection or section with a visited page. Pages are counted over touched subsections only.
ENGAGED = """
SELECT level, course_key, block, actor_id,
    if(sum(visited) = sum(pages), %(all)s, %(some)s) AS engagement
FROM (
    SELECT course_key, actor_id, subsection_block_id, section_block_id, uniqExact(block_id) AS visited,
        any(page_count) AS pages
    FROM (
        SELECT v.course_key AS course_key, v.actor_id AS actor_id, v.block_id AS block_id,
            transform(block_id, %(blocks)s, %(subsections)s) AS subsection_block_id,
            transform(block_id, %(blocks)s, %(sections)s) AS section_block_id,
            transform(block_id, %(blocks)s, %(page_counts)s, 0) AS page_count
        FROM ({visited}) AS v
    ) GROUP BY course_key, actor_id, subsection_block_id, section_block_id
)
ARRAY JOIN ['subsection', 'section'] AS level, [subsection_block_id, section_block_id] AS block
GROUP BY level, course_key, block, actor_id
"""
# Grain: one enrolment or its end.
ENROLMENTS = """
SELECT formatDateTime(event_time, '%%Y-%%m-%%d %%H:%%i:%%S') AS emission_time, extract(scope_id, ':([^+]+)') AS org,
    scope_id AS course_key, user_id AS actor_id, JSONExtractString(props, 'mode') AS enrollment_mode,
    if(event_name = %(enrolled)s, 'registered', 'unregistered') AS enrollment_status
FROM events FINAL WHERE event_name IN (%(enrolled)s, %(unenrolled)s)
"""
# Grain: one learner of a course. The newest enrolment; the newest state that says something, else failed; the newest
# grade of the whole course, unless it is the 0 of a course that was passed, which replaces no earlier grade.
STATUS = """
SELECT course_key, actor_id, status AS enrollment_status, mode AS enrollment_mode, state AS approving_state,
    grade AS course_grade
FROM (
    SELECT scope_id AS course_key, user_id AS actor_id,
        argMaxIf(if(event_name = %(enrolled)s, 'registered', 'unregistered'), at, is_enrolment) AS status,
        argMaxIf(JSONExtractString(props, 'mode'), at, is_enrolment) AS mode,
        argMaxIf(JSONExtractString(props, 'state'), at, is_grade AND JSONHas(props, 'state')) AS last_state,
        if(last_state = '', 'failed', last_state) AS state,
        argMaxIf(score, at, is_grade AND NOT (score = 0 AND JSONExtractString(props, 'state') = 'passed')) AS grade,
        countIf(is_enrolment) AS enrolments
    FROM (
        SELECT *, (event_time, event_id) AS at, event_name IN (%(enrolled)s, %(unenrolled)s) AS is_enrolment,
            event_name = %(graded)s AND module_id = '' AS is_grade, JSONExtractFloat(props, 'score') AS score
        FROM events FINAL
    ) GROUP BY scope_id, user_id
) WHERE enrolments > 0
"""
NAMES = {"page_view": PAGE_VIEW, "enrolled": ENROLLED, "unenrolled": UNENROLLED, "graded": GRADED}

Find = Callable[[str], Path]


@pytest.fixture(scope="module")
def inbox(endpoints: Endpoints, shared_data: Find) -> Iterator[Inbox]:
    with own_inbox(endpoints) as found:
        send(found, page_views(read(shared_data, "navigation_events")))
        send(found, enrolments(read(shared_data, "enrollment_events")))
        send(found, grades(read(shared_data, "grading_events")))
        yield found


@pytest.fixture(scope="module")
def completion(shared_data: Find) -> pd.DataFrame:
    """Expected visits, which are also the structure of the courses."""
    return read(shared_data, "fact_navigation_completion")


def asked(inbox: Inbox, sql: str, columns: Sequence[str], **parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query, in order."""
    rows = inbox.warehouse.execute(f"SELECT {', '.join(columns)} FROM ({sql})", {**NAMES, **parameters})
    return sorted(tuple(str(cell) for cell in row) for row in rows)


def rows_of(frame: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of a public file, in order."""
    return sorted(frame[list(columns)].itertuples(index=False, name=None))


def structure_of(completion: pd.DataFrame) -> dict[str, Any]:
    blocks = completion.drop_duplicates("block_id")
    return {
        "structure": [tuple(pair) for pair in blocks[["course_key", "block_id"]].itertuples(index=False)],
        "blocks": list(blocks["block_id"]),
        "subsections": list(blocks["subsection_block_id"]),
        "sections": list(blocks["section_block_id"]),
        "page_counts": [int(count) for count in blocks["page_count"]],
    }


class TestNavigation:
    COLUMNS = ("course_key", "actor_id", "block_id", "visited_on")

    def test_should_give_428_of_428_visits_when_pages_unknown_to_the_structure_are_dropped(
        self, inbox: Inbox, completion: pd.DataFrame, shared_data: Find
    ) -> None:
        found = asked(inbox, VISITED, self.COLUMNS, **structure_of(completion))
        assert found == rows_of(completion, self.COLUMNS)
        assert len(found) == 428
        views = read(shared_data, "navigation_events")
        known = views[views["block_id"].isin(completion["block_id"])]
        days = known["emission_time"].str[:10].groupby([known[name] for name in self.COLUMNS[:3]]).max()
        assert found == sorted((*key, day) for key, day in days.items())

    def test_should_drop_252_pairs_of_89_blocks_when_the_structure_does_not_know_them(
        self, inbox: Inbox, completion: pd.DataFrame
    ) -> None:
        counted = inbox.warehouse.execute(
            "SELECT uniqExact(scope_id, user_id, module_id), uniqExact(module_id) FROM events FINAL "
            "WHERE event_name = %(page_view)s AND (scope_id, module_id) NOT IN %(structure)s",
            {**NAMES, **structure_of(completion)},
        )
        assert counted == [(252, 89)]


class TestPageviewEngagement:
    """A section adds up only the subsections the learner has touched."""

    COLUMNS = ("level", "course_key", "block", "actor_id", "engagement")

    def test_should_give_770_of_770_rows_when_visits_are_held_against_page_counts(
        self, inbox: Inbox, completion: pd.DataFrame, shared_data: Find
    ) -> None:
        sql = ENGAGED.replace("{visited}", VISITED)
        found = asked(inbox, sql, self.COLUMNS, **structure_of(completion), all=ALL, some=SOME)
        names = ["content_level", "course_key", "block_id", "actor_id", "section_subsection_page_engagement"]
        assert found == rows_of(read(shared_data, "fact_pageview_engagement"), names)
        assert len(found) == 770
        assert [sum(row[-1] == one for row in found) for one in (ALL, SOME)] == [265, 505]
        assert found == sorted(engaged_by_pandas(completion))


def engaged_by_pandas(completion: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The same rule by pandas."""
    pages = completion.assign(page_count=completion["page_count"].astype(int))
    for level in ("subsection", "section"):
        groups = pages.groupby(["course_key", f"{level}_block_id", "actor_id"])
        sums = groups.agg(visited=("block_id", "nunique"), pages=("page_count", "sum"))
        for (course, block, learner), row in sums.iterrows():
            yield level, course, block, learner, ALL if row.visited == row.pages else SOME


class TestEnrolments:
    COLUMNS = ("emission_time", "org", "course_key", "actor_id", "enrollment_mode", "enrollment_status")

    def test_should_give_729_of_729_rows_when_enrolments_are_events(self, inbox: Inbox, shared_data: Find) -> None:
        found = asked(inbox, ENROLMENTS, self.COLUMNS)
        assert found == rows_of(read(shared_data, "fact_enrollments"), self.COLUMNS)
        assert (len(found), sum(row[-1] == "registered" for row in found)) == (729, 711)


class TestStudentStatus:
    """One row per learner and course with an enrolment."""

    KEY = ("course_key", "actor_id")

    @pytest.mark.parametrize("column", ["enrollment_status", "enrollment_mode", "approving_state"])
    def test_should_give_423_of_423_values_when_the_newest_one_counts(
        self, inbox: Inbox, shared_data: Find, column: str
    ) -> None:
        expected = read(shared_data, "dim_student_status")
        found = asked(inbox, STATUS, [*self.KEY, column])
        assert found == rows_of(expected, [*self.KEY, column])
        assert len(found) == 423

    def test_should_give_423_of_423_grades_when_a_passed_course_with_0_keeps_the_earlier_one(
        self, inbox: Inbox, shared_data: Find
    ) -> None:
        expected = read(shared_data, "dim_student_status")
        found = asked(inbox, STATUS, [*self.KEY, "course_grade"])
        wanted = rows_of(expected, [*self.KEY, "course_grade"])
        assert [row[:2] for row in found] == [row[:2] for row in wanted]
        # The file holds one grade in single precision and all others in double.
        grades_found, grades_wanted = (np.array([row[2] for row in rows], dtype="f4") for rows in (found, wanted))
        assert np.array_equal(grades_found, grades_wanted)
        assert len(found) == 423

    def test_should_count_55_passed_and_417_registered_when_all_learners_are_added_up(self, inbox: Inbox) -> None:
        found = asked(inbox, STATUS, ["approving_state", "enrollment_status"])
        assert [sum(value in row for row in found) for value in ("passed", "failed", "registered", "unregistered")] == [
            55, 368, 417, 6,
        ]  # fmt: skip


@pytest.fixture(scope="module")
def readings(shared_data: Find, completion: pd.DataFrame) -> list[Reading]:
    return readings_of(completion, read(shared_data, "fact_pageview_engagement"))


@pytest.fixture(scope="module")
def shares(endpoints: Endpoints, readings: list[Reading]) -> Iterator[dict[str, ValueRow]]:
    """Completion by person, calculated as the job does."""
    with own_inbox(endpoints) as inbox:
        send(inbox, [event for reading in readings for event in reading_events(reading)])
        take_events(inbox)
        asked_pages = {reading.course_id: [str(page) for page in range(reading.pages)] for reading in readings}
        rows = [row for course, pages in asked_pages.items() for row in completions(inbox, course, pages, READING_DAY)]
        yield {row.person_id: row for row in rows if row.version == 2}


class TestL10CompletionOfSections:
    """L10: each visited page is a done item; divided by the pages of the subsection, or of the touched subsections."""

    def test_should_be_0_between_or_1_exactly_where_the_public_file_says_none_some_or_all(
        self, readings: list[Reading], shares: dict[str, ValueRow]
    ) -> None:
        words = {0.0: None, 1.0: ALL}
        found = {person: words.get(row.value, SOME) for person, row in shares.items() if row.value is not None}
        wanted = {person_id(reading.user_id): reading.engagement for reading in readings}
        assert found == wanted
        assert [list(found.values()).count(one) for one in (None, SOME, ALL)] == [4_052, 505, 265]

    def test_should_be_visited_pages_over_pages_when_a_section_has_several(
        self, readings: list[Reading], shares: dict[str, ValueRow]
    ) -> None:
        for reading in readings:
            row = shares[person_id(reading.user_id)]
            assert (row.numerator, row.denominator, row.sample_n) == (reading.visited, reading.pages, reading.pages)
            assert row.value == pytest.approx(reading.visited / reading.pages, rel=1e-9)
