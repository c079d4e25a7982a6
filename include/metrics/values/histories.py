"""The days of a course outside of the periods that are calculated, read once for all batches of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.tables import HISTORIES, USER_DAYS
from include.metrics.values.batches import COMPLETION, RETENTION
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import staging

CardKey = tuple[Metric, int]
COLUMNS = ", ".join(quoted(column.name) for column in HISTORIES.columns)


@contextmanager
def history_of(warehouse: Warehouse, course: LearningCourse, cards: Collection[CardKey]) -> Iterator[str]:
    """Copy the user-days of a course for the time of a block, when a card looks outside of its period.

    Args:
        warehouse: the warehouse.
        course: the course; nobody else may work on it meanwhile.
        cards: metrics and versions that will be calculated.

    Yields:
        Name of the table to read from: the copy, or the user-days themselves.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    if not {COMPLETION, RETENTION} & set(cards):
        yield USER_DAYS.name
        return
    owner = hashlib.sha256(f"{course.project}\n{course.course_id}".encode()).hexdigest()[:16]
    with staging(warehouse, HISTORIES, owner) as name:
        warehouse.execute(
            f"INSERT INTO {quoted(name)} ({COLUMNS}) SELECT {COLUMNS} FROM {quoted(USER_DAYS.name)} "
            "WHERE project = %(project)s AND course_id = %(course)s",
            {"project": course.project, "course": course.course_id},
        )
        yield name
