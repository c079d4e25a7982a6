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
ONE_DAY = dt.date(2024, 3, 20)  # where the visits of sections are put: only what was visited matters there
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
class Part:
    """A section or subsection of a course, as the learners see it who touched the same subsections of it.

    Attributes:
        course_id: id under which the product keeps it as a course of its own.
        pages: its pages; the first of a subsection is the one that visits name.
        visits: learner and page visited.
        engagement: learner -> what the public file expects; None for learners who visited nothing of it.
    """

    course_id: str
    pages: tuple[str, ...]
    visits: frozenset[tuple[str, str]]
    engagement: dict[str, str | None]


def parts_of(completion: pd.DataFrame, engagement: pd.DataFrame) -> list[Part]:
    """Cut courses into subsections, and sections by what was touched: a section adds up only touched subsections."""
    expected = {
        (row.content_level, row.course_key, row.block_id, row.actor_id): row.section_subsection_page_engagement
        for row in engagement.itertuples()
    }
    found: list[Part] = []
    for course_key, course in completion.groupby("course_key"):
        learners = set(course["actor_id"])
        pages = {
            row.block_id: tuple(f"{row.block_id}{'/' * place}" for place in range(int(row.page_count)))
            for row in course.itertuples()
        }
        for level in ("subsection", "section"):
            for block, rows in course.groupby(f"{level}_block_id"):
                touched = {learner: frozenset(own["block_id"]) for learner, own in rows.groupby("actor_id")}
                untouched = frozenset(rows["block_id"])
                sets = {learner: touched.get(learner, untouched) for learner in learners}
                for blocks in sorted(set(sets.values()), key=sorted):
                    seen = {learner for learner, own in sets.items() if own == blocks}
                    found.append(
                        Part(
                            course_id=f"part-{len(found)}",
                            pages=tuple(page for one in sorted(blocks) for page in pages[one]),
                            visits=frozenset((one, page) for one in seen if one in touched for page in blocks),
                            engagement={one: expected.get((level, course_key, block, one)) for one in seen},
                        )
                    )
    return found


def part_events(part: Part) -> Iterator[Event]:
    """What the learners of a part did: each opened it, and each visited page is a task done."""
    for learner in part.engagement:
        yield _done(part, learner, "part_opened", None)
    for learner, page in part.visits:
        yield _done(part, learner, "task_success", page)


def _done(part: Part, learner: str, name: str, page: str | None) -> Event:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{part.course_id} {learner} {name} {page}")),
        "user_id": learner,
        "course_id": part.course_id,
        "module_id": page,
        "event_type": name,
        "timestamp": f"{ONE_DAY}T12:00:00Z",
        "payload": {},
    }
