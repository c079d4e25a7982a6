"""Public page views, enrolments and grades of 99 learners, as events of a learning platform."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tests.event_inbox import Inbox

BATCH = 1_000
OLDEST_DAYS = 3_650  # the events are of 2019 to 2024
READING_DAY = dt.date(2024, 3, 20)  # all reading is put on one day: only what was visited matters there
ALL, SOME = "All pages viewed", "At least one page viewed"
PAGE_VIEW, ENROLLED, UNENROLLED, GRADED = "page_view", "course_enrolled", "course_unenrolled", "course_graded"

Find = Callable[[str], Path]
Event = dict[str, Any]


def read(find: Find, name: str) -> pd.DataFrame:
    """One file, every cell as text, an empty one where nothing is known."""
    return pd.read_csv(find(f"aspects/{name}_expected.csv"), dtype=str, keep_default_na=False)


def send(inbox: Inbox, events: list[Event]) -> None:
    """Send events the way a server does, and load them; every single one must be taken."""
    inbox.set_max_age(OLDEST_DAYS)
    for first in range(0, len(events), BATCH):
        part = events[first : first + BATCH]
        outcome = inbox.take_in(part)
        assert outcome.accepted == len(part), outcome
    inbox.load()


def page_views(navigation: pd.DataFrame) -> list[Event]:
    """A page view per row of the navigation file; the module is the page."""
    return [
        _event(row.event_id, row, PAGE_VIEW, module_id=row.block_id, position=int(row.starting_position))
        for row in navigation.itertuples()
    ]


def enrolments(enrolment: pd.DataFrame) -> list[Event]:
    """An enrolment or its end per row."""
    names = {"registered": ENROLLED, "unregistered": UNENROLLED}
    return [
        _event(row.event_id, row, names[row.enrollment_status], mode=row.enrollment_mode)
        for row in enrolment.itertuples()
    ]


def grades(grading: pd.DataFrame) -> list[Event]:
    """A grade per row; those of a part of the course name it as their module, those of the whole course do not."""
    return [
        _event(
            row.event_id,
            row,
            GRADED,
            module_id=row.object_id.rpartition("/")[2] if "block-v1" in row.object_id else None,
            score=float(row.scaled_score),
            **({"state": row.approving_state} if row.approving_state else {}),
        )
        for row in grading.itertuples()
    ]


def _event(event_id: str, row: Any, name: str, *, module_id: str | None = None, **payload: Any) -> Event:
    return {
        "id": event_id,
        "user_id": row.actor_id,
        "course_id": row.course_key,
        "module_id": module_id,
        "event_type": name,
        "timestamp": row.emission_time.replace(" ", "T") + "Z",
        "payload": payload,
    }


@dataclass(frozen=True)
class Reading:
    """One learner before one section or subsection.

    Attributes:
        user_id: both together, a user of the product.
        pages: pages of the subsection, or of the subsections of the section that the learner touched; of all of them
            for learners who touched none.
        visited: pages visited of these.
        engagement: what the public file expects; None for learners who visited nothing of it.
    """

    user_id: str
    pages: int
    visited: int
    engagement: str | None

    @property
    def course_id(self) -> str:
        """The course that asks for as many pages."""
        return f"course of {self.pages}"


def readings_of(completion: pd.DataFrame, engagement: pd.DataFrame) -> list[Reading]:
    """Every learner of a course before each of its subsections and sections."""
    expected = {
        (row.content_level, row.course_key, row.block_id, row.actor_id): row.section_subsection_page_engagement
        for row in engagement.itertuples()
    }
    found: list[Reading] = []
    for course_key, course in completion.astype({"page_count": int}).groupby("course_key"):
        for level in ("subsection", "section"):
            for block, rows in course.groupby(f"{level}_block_id"):
                every = rows.drop_duplicates("block_id")
                for learner in sorted(set(course["actor_id"])):
                    touched = rows[rows["actor_id"] == learner]
                    pages = (every if touched.empty else touched)["page_count"].sum()
                    word = expected.get((level, course_key, block, learner))
                    found.append(Reading(f"{learner} {block}", int(pages), len(touched), word))
    return found


def reading_events(reading: Reading) -> Iterator[Event]:
    """The learner opened it, and each visited page is a task done."""
    yield _on_day(reading, "part_opened", None)
    for page in range(reading.visited):
        yield _on_day(reading, "task_success", page)


def _on_day(reading: Reading, name: str, page: int | None) -> Event:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{reading.user_id} {name} {page}")),
        "user_id": reading.user_id,
        "course_id": reading.course_id,
        "module_id": page,
        "event_type": name,
        "timestamp": f"{READING_DAY}T12:00:00Z",
        "payload": {},
    }
