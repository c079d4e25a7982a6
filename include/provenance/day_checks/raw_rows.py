"""Raw rows against the digests they were stored with, narrowed down to columns and rows where they differ.

What Metrika sent is not kept, so a changed raw row cannot be derived again. Its column and its cells are known from
the seal; features that were measured before the change then give the value back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from include.metrika.loading.tables import KEY_COLUMN, quarantine_table
from include.provenance.day_checks.findings import NOTHING, Checked, Finding
from include.provenance.day_checks.sealed_day import SealedDay
from include.state.manifest import StageRecord
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_comparing import SHOWN_ROWS, DayDifferences
from include.warehouse.day_swap import day_count, day_digest
from include.warehouse.narrowing import Narrowing, narrow_day, suspects_sql
from include.warehouse.schema import stored_columns

SOURCES = ("visits", "hits")
MOST_COLUMNS = 3  # a changed value changes one column; a row that came or went changes them all
RELOAD = "Load the day again: python -m include load --date {day} --counter {counter_id}."
# Columns of visit_features that are a raw visit's own.
DELIVERED = ("client_id", "started_at", "duration_seconds", "page_views", "is_bounce", "device_category")


@dataclass(frozen=True)
class RawState:
    """How the rows of one source stand.

    Attributes:
        source: visits or hits.
        day: the day.
        record: its record.
        is_sealed: the rows are those that were stored.
        rows: rows now.
        quarantined: rows in quarantine now.
        changed_count: rows that differ, at least.
        columns: changed columns; empty when whole rows came or went, or nothing is known.
        suspects: visit ids, or watch ids of hits, among which the changed rows are.
        doubled: keys that stand several times.
    """

    source: str
    day: dt.date
    record: StageRecord
    is_sealed: bool
    rows: int
    quarantined: int
    changed_count: int = 0
    columns: tuple[str, ...] = ()
    suspects: tuple[int, ...] = ()
    doubled: tuple[int, ...] = ()


def read_raw_state(warehouse: Warehouse, sealed: SealedDay, source: str) -> RawState:
    """Compare the stored rows of one source with their record.

    Args:
        warehouse: the warehouse.
        sealed: the sealed records of the day.
        source: visits or hits; has a record.

    Returns:
        How they stand.
    """
    counter_id, day, record = sealed.counter_id, sealed.day, sealed.records[source]
    narrowing = sealed.narrowing.get(source)
    kinds = stored_columns(warehouse, source)
    columns = [name for name in (narrowing.columns if narrowing else kinds) if name in kinds]
    rows = day_count(warehouse, source, counter_id, day)
    quarantined = day_count(warehouse, quarantine_table(source).name, counter_id, day)
    lost = tuple(set(narrowing.columns) - set(kinds)) if narrowing else ()
    if not lost and day_digest(warehouse, source, counter_id, day, columns=columns) == record.digest:
        return RawState(source, day, record, True, rows, quarantined)
    changed = _narrowed(warehouse, sealed, source, narrowing) if narrowing and not lost else (1, lost, ())
    doubled = _doubled(warehouse, sealed, source)
    return RawState(source, day, record, False, rows, quarantined, *changed, doubled)


def _narrowed(
    warehouse: Warehouse, sealed: SealedDay, source: str, then: Narrowing
) -> tuple[int, tuple[str, ...], tuple[int, ...]]:
    key = KEY_COLUMN[source]
    now = narrow_day(warehouse, source, sealed.counter_id, sealed.day, key, columns=then.columns)
    first, second = then.changed_cells(now)
    columns = then.changed_columns(now)
    values = {"counter_id": sealed.counter_id, "day": sealed.day, "first": first, "second": second}
    found = warehouse.execute(suspects_sql(source, key, [key]), values) if first and second else []
    named = tuple(columns) if len(columns) <= MOST_COLUMNS else ()
    return max(1, len(first), len(second)), named, tuple(row[0] for row in found)


def _doubled(warehouse: Warehouse, sealed: SealedDay, source: str) -> tuple[int, ...]:
    key = quoted(KEY_COLUMN[source])
    found = warehouse.execute(
        f"SELECT {key} FROM {quoted(source)} WHERE counter_id = %(counter_id)s AND date = %(day)s "
        f"GROUP BY {key} HAVING count() > 1 ORDER BY {key} LIMIT {SHOWN_ROWS}",
        {"counter_id": sealed.counter_id, "day": sealed.day},
    )
    return tuple(row[0] for row in found)


def check_raw(state: RawState, counter_id: int, features: DayDifferences, *, features_sealed: bool) -> Checked:
    """Say what changed in the rows of one source.

    Args:
        state: how the rows stand.
        counter_id: the counter.
        features: stored features against those of the rows as they are now.
        features_sealed: the stored features are those that were measured, so they remember the rows.

    Returns:
        The findings, quarantine included.
    """
    advice = RELOAD.format(day=state.day, counter_id=counter_id)
    rows = NOTHING if state.is_sealed else _changed_rows(state, features if features_sealed else None, advice)
    return rows + _quarantine(state, advice)


def _changed_rows(state: RawState, features: DayDifferences | None, advice: str) -> Checked:
    noun = "visit" if state.source == "visits" else "hit"
    table = f"{state.source} of {state.day}"
    findings = [
        Finding(state.source, table, f"{noun} {key}", "", "several rows", "one row", advice) for key in state.doubled
    ]
    sealed_rows = int(state.record.counts.get("stored", state.rows))
    remembered = _remembered(state, features, table, advice)
    if state.rows != sealed_rows and not state.doubled:
        row = f"{noun}s that came or went"
        findings.append(Finding(state.source, table, row, "", f"{state.rows} rows", f"{sealed_rows} rows", advice))
    elif not remembered and not state.doubled:
        row = _listed(noun, state.suspects, whole=state.rows)
        column, was = ", ".join(state.columns), "the rows with the digest they were stored with"
        findings.append(Finding(state.source, table, row, column, "other values", was, advice))
    findings += remembered
    return Checked.of(findings, max(state.changed_count, len(state.doubled)))


def _listed(noun: str, suspects: Sequence[int], *, whole: int) -> str:
    if not suspects or len(suspects) == whole:
        return ""
    shown = ", ".join(map(str, suspects[:SHOWN_ROWS]))
    more = f" and {len(suspects) - SHOWN_ROWS} more" if len(suspects) > SHOWN_ROWS else ""
    return f"{noun} {shown}" if len(suspects) == 1 else f"among {noun}s {shown}{more}"


def _remembered(state: RawState, features: DayDifferences | None, table: str, advice: str) -> list[Finding]:
    """What features of before the change say about it: exact values of visits, counts of hits."""
    if features is None:
        return []
    wanted: Collection[str] = DELIVERED if state.source == "visits" else ("hit_count", "slots")
    if state.columns and state.source == "visits":
        wanted = [column for column in DELIVERED if column in state.columns]
    return [
        Finding(state.source, table, f"visit {cell.key}", cell.column, cell.derived, cell.stored, advice)
        for cell in features.cells
        if cell.column in wanted and (state.source == "hits" or not state.suspects or cell.key in state.suspects)
    ]


def _quarantine(state: RawState, advice: str) -> Checked:
    wanted = int(state.record.counts.get("quarantined", state.quarantined))
    if state.quarantined == wanted:
        return NOTHING
    table = f"{state.source}_quarantine of {state.day}"
    return Checked.of(
        [Finding(state.source, table, "", "", f"{state.quarantined} rows", f"{wanted} rows", advice)],
        abs(state.quarantined - wanted),
    )


def check_quarantine_rows(warehouse: Warehouse, state: RawState, counter_id: int) -> Checked:
    """Compare quarantined rows with the digest they were stored with.

    Args:
        warehouse: the warehouse.
        state: how the rows of the source stand.
        counter_id: the counter.

    Returns:
        A finding when as many rows hold something else.
    """
    wanted = state.record.details.get("quarantine_digest")
    count_holds = state.quarantined == int(state.record.counts.get("quarantined", state.quarantined))
    name = quarantine_table(state.source).name
    if wanted is None or not count_holds or day_digest(warehouse, name, counter_id, state.day) == wanted:
        return NOTHING
    table, advice = f"{name} of {state.day}", RELOAD.format(day=state.day, counter_id=counter_id)
    was = "the rows with the digest they were stored with"
    return Checked.of([Finding(state.source, table, "", "", "other values", was, advice)])
