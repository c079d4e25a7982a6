"""Importing a file of labels: checked whole first, then stored day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from include.errors import InputError
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.visits.labels.csv_rows import COLUMNS, iter_label_rows
from include.visits.labels.delimited import BadRows
from include.visits.labels.reports import LabelReport, describe_labels
from include.visits.labels.store_labels import read_sql, store_day
from include.visits.labels.tables import FOUND_LABELS, LABEL_ROWS, TABLES
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import staging
from include.warehouse.schema import ensure_tables

CSV_SOURCE = "csv"
MOST_CONTRADICTIONS = 20  # pairs of lines named in one message


@dataclass(frozen=True)
class LabelFile:
    """A file of labels and the visits it may name.

    Attributes:
        path: the file.
        zone: zone of times without an offset; None when every time needs one.
        counter_ids: counters whose visits it may name.
        first, last: days on which those visits may have started; None for all.
        source: name under which the labels are kept.
    """

    path: Path
    zone: ZoneInfo | None
    counter_ids: Sequence[int]
    first: dt.date | None = None
    last: dt.date | None = None
    source: str = CSV_SOURCE


@dataclass
class _Rows:
    """What the lines of the file are, once they are all read."""

    rows: int
    duplicates: int
    unknown_ids: list[str] = field(default_factory=list)


def import_csv(
    warehouse: Warehouse,
    state: Engine,
    file: LabelFile,
    *,
    run_id: str,
    now: dt.datetime,
    progress: Progress = no_progress,
) -> LabelReport:
    """Import a file of labels; the same file again changes nothing.

    Args:
        warehouse: the warehouse, with ``visits``.
        state: the state engine.
        file: the file and the visits it may name.
        run_id: names the staging tables.
        now: time of the import; a label without a time of its own counts as known from now on.
        progress: told after each step.

    Returns:
        What was done.

    Raises:
        InputError: the file has bad rows or contradicts itself; nothing is imported then.
        StoreUnavailable: a store cannot be reached.
    """
    ensure_tables(warehouse, TABLES)
    with (
        staging(warehouse, LABEL_ROWS, run_id) as rows,
        staging(warehouse, FOUND_LABELS, run_id) as found,
    ):
        progress("reading labels", 0, 3)
        bad = BadRows(file.path)
        insert = f"INSERT INTO {quoted(rows)} ({', '.join(COLUMNS)}) FORMAT TabSeparated"
        warehouse.insert_stream(insert, iter_label_rows(file.path, file.zone, bad))
        bad.refuse()
        _refuse_contradictions(warehouse, rows, file.path)
        progress("matching visits", 1, 3)
        days = _match(warehouse, rows, found, file)
        read = _count(warehouse, rows, found)
        failpoint("labels.found")
        progress("storing labels", 2, 3)
        changed = sum(
            store_day(
                warehouse, state, found, counter_id=counter_id, day=day, source=file.source, now=now, keeps_unnamed=True
            )
            for counter_id, day in days
        )
        report = describe_labels(warehouse, found, file.source, days)
    progress("labels stored", 3, 3)
    return report.with_counts(
        rows=read.rows, duplicates=read.duplicates, unknown_ids=tuple(read.unknown_ids), changed_days=changed
    )


def _refuse_contradictions(warehouse: Warehouse, rows: str, path: Path) -> None:
    """Two lines of one visit that say different things cannot both be right."""
    found = warehouse.execute(
        f"SELECT visit_id, argMin(line, (said, line)) AS one, argMax(line, (said, line)) AS other FROM "
        f"(SELECT visit_id, line, toInt32(label) * 1000 + ifNull(level, 0) AS said FROM {quoted(rows)}) "
        "GROUP BY visit_id HAVING min(said) != max(said) ORDER BY least(one, other) LIMIT %(most)s",
        {"most": MOST_CONTRADICTIONS + 1},
    )
    if not found:
        return
    named = "\n".join(
        f"lines {min(one, other)} and {max(one, other)}: visit {visit_id}"
        for visit_id, one, other in found[:MOST_CONTRADICTIONS]
    )
    more = "\nand more." if len(found) > MOST_CONTRADICTIONS else ""
    raise InputError(
        f"{path} says different things of the same visit, so nothing was imported; keep one line of each.\n"
        f"{named}{more}",
        code="contradictory_labels",
        pointer=str(path),
    )


def _match(warehouse: Warehouse, rows: str, found: str, file: LabelFile) -> list[tuple[int, dt.date]]:
    condition = "counter_id IN %(counters)s"
    parameters: dict[str, object] = {"counters": tuple(file.counter_ids), "source": file.source}
    if file.first and file.last:
        condition += " AND date BETWEEN %(first)s AND %(last)s"
        parameters |= {"first": file.first, "last": file.last}
    names = ", ".join(quoted(column.name) for column in FOUND_LABELS.columns)
    query = read_sql("match_rows").format(rows=quoted(rows), visits=condition)
    warehouse.execute(f"INSERT INTO {quoted(found)} ({names})\n{query}", parameters)
    _refuse_ambiguous(warehouse, found, file.path)
    days = warehouse.execute(f"SELECT DISTINCT counter_id, date FROM {quoted(found)} ORDER BY counter_id, date")
    return [(int(counter_id), day) for counter_id, day in days]


def _refuse_ambiguous(warehouse: Warehouse, found: str, path: Path) -> None:
    """Visit ids are unique within one year of one counter only."""
    several = warehouse.execute(
        f"SELECT visit_id, arraySort(groupArray((counter_id, date))) FROM {quoted(found)} GROUP BY visit_id "
        "HAVING count() > 1 ORDER BY visit_id LIMIT 1"
    )
    if several:
        visit_id, places = several[0]
        listed = ", ".join(f"counter {counter_id} on {day}" for counter_id, day in places)
        raise InputError(
            f"{path}: visit {visit_id} is stored more than once ({listed}), so nothing was imported; say which "
            "visits are meant with --counter, or --from and --to.",
            code="ambiguous_visit",
            pointer=str(path),
        )


def _count(warehouse: Warehouse, rows: str, found: str) -> _Rows:
    ((count, distinct),) = warehouse.execute(f"SELECT count(), uniqExact(visit_id) FROM {quoted(rows)}")
    unknown = warehouse.execute(
        f"SELECT DISTINCT toString(visit_id), min(line) AS line FROM {quoted(rows)} "
        f"WHERE visit_id GLOBAL NOT IN (SELECT visit_id FROM {quoted(found)}) GROUP BY visit_id ORDER BY line"
    )
    return _Rows(int(count), int(count - distinct), [visit_id for visit_id, _ in unknown])
