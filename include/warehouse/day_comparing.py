"""Comparing a stored counter-day with the same day derived again, down to the cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import hashable
from include.warehouse.schema import stored_columns

SHOWN_ROWS = 20
SPILL_BYTES = 1_000_000_000  # above this much memory the grouping by key goes to disk
ABSENT, TWICE = "no row", "several rows"


@dataclass(frozen=True)
class CellDifference:
    """One cell in which two days differ.

    Attributes:
        key: value of the key column.
        column: the column; empty when a whole row is missing or stands several times.
        stored: what is stored, as text.
        derived: what comes out again, as text.
    """

    key: int
    column: str
    stored: str
    derived: str


@dataclass(frozen=True)
class DayDifferences:
    """How two days differ.

    Attributes:
        row_count: keys whose rows differ.
        cells: cells of the first 20 of them, in order of the key.
    """

    row_count: int
    cells: tuple[CellDifference, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        """Keys of the rows that are shown."""
        return tuple(dict.fromkeys(cell.key for cell in self.cells))


NO_DIFFERENCES = DayDifferences(0, ())


def compare_days(
    warehouse: Warehouse,
    stored: str,
    derived: str,
    *,
    counter_id: int,
    day: dt.date,
    key: str,
    rounded: Mapping[str, int] | None = None,
) -> DayDifferences:
    """Compare one day of two tables of the same structure.

    Args:
        warehouse: the warehouse.
        stored: table as it stands.
        derived: table with the same day derived again.
        counter_id: the counter.
        day: the day.
        key: column that tells rows apart.
        rounded: decimals by column within which numbers count as equal; exact when None.

    Returns:
        Every differing row counted, the first 20 cell by cell.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    kinds = stored_columns(warehouse, derived)
    values = {"counter_id": counter_id, "day": day}
    row = f"cityHash64({', '.join(_hashed(name, kind, rounded) for name, kind in kinds.items())})"
    sides = " UNION ALL ".join(
        f"SELECT {quoted(key)} AS k, {row} AS h, toUInt8({side}) AS side FROM {quoted(name)} "
        "WHERE counter_id = %(counter_id)s AND date = %(day)s"
        for side, name in enumerate((stored, derived))
    )
    groups = (
        f"SELECT k FROM ({sides}) GROUP BY k "
        "HAVING countIf(side = 0) != 1 OR countIf(side = 1) != 1 OR sumIf(h, side = 0) != sumIf(h, side = 1)"
    )
    limits = {"max_bytes_before_external_group_by": SPILL_BYTES}
    found = warehouse.execute(
        f"SELECT count() OVER () AS n, k FROM ({groups}) ORDER BY k LIMIT {SHOWN_ROWS}", values, settings=limits
    )
    if not found:
        return NO_DIFFERENCES
    keys = [k for _, k in found]
    rows = [_rows(warehouse, name, kinds, key, {**values, "keys": keys}) for name in (stored, derived)]
    cells = [cell for k in keys for cell in _cells(k, rows[0].get(k, []), rows[1].get(k, []), list(kinds))]
    return DayDifferences(int(found[0][0]), tuple(cells))


def _hashed(name: str, kind: str, rounded: Mapping[str, int] | None) -> str:
    if rounded and name in rounded:
        return f"ifNull(toString(round({quoted(name)}, {rounded[name]})), '\\\\N')"
    return hashable(name, kind)


def _rows(
    warehouse: Warehouse, name: str, kinds: Mapping[str, str], key: str, values: Mapping[str, Any]
) -> dict[int, list[tuple[str, ...]]]:
    texts = ", ".join(f"ifNull(toString({quoted(column)}), '')" for column in kinds)
    found: dict[int, list[tuple[str, ...]]] = {}
    for k, *row in warehouse.execute(
        f"SELECT {quoted(key)}, {texts} FROM {quoted(name)} "
        f"WHERE counter_id = %(counter_id)s AND date = %(day)s AND has(%(keys)s, {quoted(key)})",
        values,
    ):
        found.setdefault(k, []).append(tuple(row))
    return found


def _cells(
    key: int, stored: list[tuple[str, ...]], derived: list[tuple[str, ...]], columns: list[str]
) -> list[CellDifference]:
    if len(stored) != 1 or len(derived) != 1:
        words = [ABSENT if not rows else "one row" if len(rows) == 1 else TWICE for rows in (stored, derived)]
        return [CellDifference(key, "", *words)]
    triples = zip(columns, stored[0], derived[0], strict=True)
    return [CellDifference(key, column, old, new) for column, old, new in triples if old != new]
