"""Query parameters of the routes that read metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from include.accounts.courses import LONGEST_ID
from include.api.gate.paging import LARGEST_OFFSET

LONGEST_TIME_CHARS, LONGEST_NAME_CHARS, MOST_NAMES = 64, 64, 100
LARGEST_LIMIT, DEFAULT_LIMIT = 10_000, 1000  # rows; a person has up to twelve of a period and course

StartQuery = Annotated[
    str,
    Query(
        max_length=LONGEST_TIME_CHARS,
        description="First instant of event time, or a day as its first instant in the zone of the course.",
        examples=["2025-03-03T00:00:00Z"],
    ),
]
EndQuery = Annotated[
    str,
    Query(
        max_length=LONGEST_TIME_CHARS,
        description="First instant after the period, or a day that is no longer part of it; at most 366 days later.",
        examples=["2025-03-10T00:00:00Z"],
    ),
]
CompareStartQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TIME_CHARS,
        description="First instant of another period that this one is compared with; needs compare_end.",
    ),
]
CompareEndQuery = Annotated[
    str | None, Query(max_length=LONGEST_TIME_CHARS, description="First instant after that period.")
]
MetricsQuery = Annotated[
    list[str] | None,
    Query(
        description="Names of metrics, may be repeated; all six when absent. engagement and completion are short for "
        "engagement_score and completion_rate.",
        examples=[["retention", "completion_rate"]],
    ),
]
VersionQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_NAME_CHARS,
        description="1, 2 or all; METRICS_DEFAULT_VERSION when absent.",
        examples=["all"],
    ),
]
GrainQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_NAME_CHARS,
        description="day, week or month: an answer for each such period that lies inside; absent: one for the whole.",
        examples=["week"],
    ),
]
CourseQuery = Annotated[str | None, Query(max_length=LONGEST_ID, description="Only this course.")]
ProjectQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_ID,
        description="Project of the course; without it the only one that has such a course.",
        examples=["default"],
    ),
]
LimitQuery = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Most entries of the answer.")]
OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Entries left out from the start.")]
