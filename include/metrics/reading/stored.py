"""Slices and values as PostgreSQL keeps them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, select

from include.metrics.catalogue.cards import Card
from include.metrics.courses import LearningCourse
from include.metrics.names import Metric
from include.metrics.periods.grains import Period
from include.metrics.reading.people import People, nobody, people_of, runs_of
from include.metrics.values.computing import ValueRow
from include.state.tables import metric_slices, metric_values

Asked = tuple[Card, Period]
MAX_ROWS = 500_000  # of values held at once; about 50 MB
_COPY_HEADER_BYTES = 19  # signature, flags and the length of an empty extension
# What the binary form of COPY makes of a row without NULLs: every field behind its length, numbers big-endian.
_FIELDS = (
    ("slice_id", ">i8"),
    ("person_id", "S16"),
    ("value", ">f8"),
    ("numerator", ">f8"),
    ("denominator", ">f8"),
    ("sample_n", ">i4"),
    ("at_300", ">f8"),
    ("at_600", ">f8"),
    ("at_1800", ">f8"),
)
_COPY_VALUES = """
COPY (
    SELECT slice_id, person_id, coalesce(value, 'NaN'), coalesce(numerator, 'NaN'), coalesce(denominator, 'NaN'),
        sample_n, coalesce(by_timeout[1], 'NaN'), coalesce(by_timeout[2], 'NaN'), coalesce(by_timeout[3], 'NaN')
    FROM metric_values
    WHERE slice_id = ANY (%s)
    ORDER BY slice_id
) TO STDOUT WITH (FORMAT binary)
"""


@dataclass(frozen=True)
class StoredSlice:
    """One metric, version, course and period that was calculated.

    Attributes:
        slice_id: its key.
        row_count: people in it.
        calculated_at: when it was calculated last.
    """

    slice_id: int
    row_count: int
    calculated_at: dt.datetime


def find_slices(connection: Connection, course: LearningCourse, asked: Sequence[Asked]) -> dict[Asked, StoredSlice]:
    """Find what was calculated of what is asked for.

    Args:
        connection: open connection.
        course: the course.
        asked: cards, by their digest, with periods, by their exact bounds.

    Returns:
        The slices that exist; those of other definitions are never among them.
    """
    digests = {card: card.digest for card, _ in asked}
    by_key = {
        (digests[card], period.grain.value, period.start_at, period.end_at): (card, period) for card, period in asked
    }
    c = metric_slices.c
    key = (c.card_digest, c.grain, c.period_start_at, c.period_end_at)
    query = select(c.slice_id, c.row_count, c.calculated_at, *key).where(
        _of(course),
        c.card_digest.in_({key[0] for key in by_key}),
        c.grain.in_({key[1] for key in by_key}),
        c.period_start_at.in_({key[2] for key in by_key}),
        c.period_end_at.in_({key[3] for key in by_key}),
    )
    found = {}
    for row in connection.execute(query):
        one = by_key.get((row.card_digest, row.grain, row.period_start_at, row.period_end_at))
        if one is not None:
            found[one] = StoredSlice(row.slice_id, row.row_count, row.calculated_at)
    return found


def values_of_person(
    connection: Connection, slices: Mapping[Asked, StoredSlice], person_id: str
) -> dict[Asked, ValueRow]:
    """Read the values of one person.

    Args:
        connection: open connection.
        slices: where to look.
        person_id: whose values.

    Returns:
        Rows by what was asked; slices the person is not in are left out.
    """
    asked_of = {one.slice_id: asked for asked, one in slices.items()}
    v = metric_values.c
    query = select(metric_values).where(v.slice_id.in_(asked_of), v.person_id == person_id)
    found = {}
    for row in connection.execute(query):
        card, period = asked_of[row.slice_id]
        found[card, period] = ValueRow(
            metric=card.metric,
            version=card.version,
            period_start_at=period.start_at,
            person_id=row.person_id,
            value=row.value,
            numerator=row.numerator,
            denominator=row.denominator,
            sample_n=row.sample_n,
            null_reason=row.null_reason,
            by_timeout=None if row.by_timeout is None else tuple(row.by_timeout),
        )
    return found


def iter_people(connection: Connection, slices: Mapping[Asked, StoredSlice]) -> Iterator[tuple[Asked, People]]:
    """Read the values of everybody, some slices at a time.

    Args:
        connection: open connection; all slices are read as of one moment when its transaction says so.
        slices: what to read.

    Yields:
        What was asked, with the people; nobody for empty slices.
    """
    for part in _parts(slices):
        found = _copied(connection, [one.slice_id for one in part.values()])
        for asked, one in part.items():
            yield asked, found.get(one.slice_id) or nobody()


def person_counts(
    connection: Connection, course: LearningCourse, periods: Iterable[Period], metrics: Iterable[Metric]
) -> dict[Period, int]:
    """How many people periods have, as far as slices that hold everybody tell.

    Args:
        connection: open connection.
        course: the course.
        periods: their exact bounds.
        metrics: metrics with a row for everybody who has events.

    Returns:
        Counts of the newest such slices; periods without one are left out.
    """
    wanted = {(period.start_at, period.end_at): period for period in periods}
    c = metric_slices.c
    query = (
        select(c.period_start_at, c.period_end_at, c.row_count)
        .where(
            _of(course),
            c.metric.in_([metric.value for metric in metrics]),
            c.time_zone == course.zone.key,
            c.period_start_at.in_({start_at for start_at, _ in wanted}),
            c.period_end_at.in_({end_at for _, end_at in wanted}),
        )
        .order_by(c.calculated_at, c.slice_id)
    )
    rows = connection.execute(query).all()
    return {wanted[start, end]: count for start, end, count in rows if (start, end) in wanted}


def _of(course: LearningCourse) -> Any:
    c = metric_slices.c
    return and_(c.project == course.project, c.course_id == course.course_id)


def _parts(slices: Mapping[Asked, StoredSlice]) -> Iterator[dict[Asked, StoredSlice]]:
    part: dict[Asked, StoredSlice] = {}
    for asked, one in slices.items():
        if part and sum(found.row_count for found in part.values()) + one.row_count > MAX_ROWS:
            yield part
            part = {}
        part[asked] = one
    if part:
        yield part


def _copied(connection: Connection, slice_ids: Sequence[int]) -> dict[int, People]:
    """Values by slice. The binary form becomes arrays as it is: 150,000 rows are a tenth of a second, not seconds."""
    import numpy as np

    layout = np.dtype([("", ">i2"), *(part for field in _FIELDS for part in (("", ">i4"), field))])
    body = io.BytesIO()
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(cursor.mogrify(_COPY_VALUES, (list(slice_ids),)).decode(), body)
    count = (len(body.getvalue()) - _COPY_HEADER_BYTES) // layout.itemsize
    rows = np.frombuffer(body.getbuffer(), layout, count, _COPY_HEADER_BYTES)
    return {slice_id: people_of(part) for slice_id, part in runs_of(rows["slice_id"], rows)}
