"""Public registrations of 22 course presentations, as events of a learning platform."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tests.event_inbox import Inbox

BATCH = 2_000
OLDEST_DAYS = 6_000  # presentations of 2013 and 2014
STARTS = {"B": "02-01", "J": "10-01"}  # a presentation begins in February or October of its year
NOON = dt.time(12, tzinfo=dt.UTC)
FINAL = "final"  # the one item every presentation asks for
COMPLETED = ("Pass", "Distinction")
ENROLLED, WITHDRAWN = "course_enrolled", "course_withdrawn"

Find = Callable[[str], Path]
Event = dict[str, Any]


def registrations(find: Find) -> pd.DataFrame:
    """One row per registration: its course, start and days, and how it ended."""
    key = ["code_module", "code_presentation"]
    frames = [pd.read_csv(find(f"oulad/{name}.csv.gz")) for name in ("studentRegistration", "studentInfo", "courses")]
    found = frames[0].merge(frames[1], on=[*key, "id_student"], validate="1:1").merge(frames[2], on=key)
    found["course"] = found["code_module"] + "-" + found["code_presentation"]
    found["start"] = found["code_presentation"].map(start_of)
    return found


def start_of(presentation: str) -> dt.date:
    """The day chosen for the start of a presentation, such as 2013J."""
    return dt.date.fromisoformat(f"{presentation[:4]}-{STARTS[presentation[4:]]}")


def send(inbox: Inbox, events: list[Event]) -> None:
    """Send events the way a server does, and load them; every single one must be taken."""
    inbox.set_max_age(OLDEST_DAYS)
    for first in range(0, len(events), BATCH):
        part = events[first : first + BATCH]
        outcome = inbox.take_in(part)
        assert outcome.accepted == len(part), outcome
    inbox.load()


def events_of(frame: pd.DataFrame) -> Iterator[Event]:
    """An enrolment per registration, a withdrawal where one is dated, and the result when the course ends.

    The few registrations without a day are put on the first day of the course. A result is a task: done when the
    student completed the course, failed otherwise.
    """
    for row in frame.itertuples():
        yield _event(row, ENROLLED, 0 if pd.isna(row.date_registration) else row.date_registration)
        if not pd.isna(row.date_unregistration):
            yield _event(row, WITHDRAWN, row.date_unregistration)
        name = "task_success" if row.final_result in COMPLETED else "task_fail"
        result = {"final_result": row.final_result, "task_id": FINAL}
        yield _event(row, name, row.module_presentation_length, result)


def _event(row: Any, name: str, day: float, payload: dict[str, str] | None = None) -> Event:
    at = dt.datetime.combine(row.start + dt.timedelta(days=int(day)), NOON)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row.course} {row.id_student} {name}")),
        "user_id": row.id_student,
        "course_id": row.course,
        "event_type": name,
        "timestamp": at.isoformat(),
        "payload": payload or {},
    }
