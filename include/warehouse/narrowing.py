"""Digests of parts of a counter-day: they name the rows and the columns that no longer are what was stored.

One digest per day says that something changed. Each row also falls into one of 256 cells twice, by two independent
bytes of the hash of its key; a changed row is in the crossing of the two changed cells, 1 of 65,536. A digest per
column names the column.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import hashable
from include.warehouse.schema import stored_columns

CELLS = 256  # per direction: 8 KB of digests per day and table
DIGEST_CHARS = 16


@dataclass(frozen=True)
class Narrowing:
    """Digests of the parts of one counter-day of one table.

    Attributes:
        columns: names of the columns, in stored order.
        column_digests: one per column, 16 hex digits.
        cells: two times 256 digests of 16 hex digits, one text; all zero for a day without rows.
    """

    columns: tuple[str, ...]
    column_digests: tuple[str, ...]
    cells: str

    def as_dict(self) -> dict[str, Any]:
        """The digests for the seal of the day."""
        return {"columns": list(self.columns), "column_digests": list(self.column_digests), "cells": self.cells}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Narrowing:
        """Read what :meth:`as_dict` gave.

        Args:
            values: columns, column_digests and cells.

        Returns:
            The digests.
        """
        return cls(tuple(values["columns"]), tuple(values["column_digests"]), values["cells"])

    def changed_cells(self, other: Narrowing) -> tuple[list[int], list[int]]:
        """Cells in which two days differ.

        Args:
            other: the other day.

        Returns:
            Cell numbers 0-255 of the first and of the second direction.
        """
        pairs = zip(_split(self.cells), _split(other.cells), strict=True)
        changed = [number for number, (ours, theirs) in enumerate(pairs) if ours != theirs]
        return [n for n in changed if n < CELLS], [n - CELLS for n in changed if n >= CELLS]

    def changed_columns(self, other: Narrowing) -> list[str]:
        """Columns in which two days differ.

        Args:
            other: the other day, over the same columns.

        Returns:
            Their names.
        """
        pairs = zip(self.columns, self.column_digests, other.column_digests, strict=True)
        return [name for name, ours, theirs in pairs if ours != theirs]


def narrow_days(
    warehouse: Warehouse, name: str, counter_id: int, key: str, *, columns: Sequence[str] | None = None
) -> dict[dt.date, Narrowing]:
    """Digest the parts of every day of a counter in a table.

    Args:
        warehouse: the warehouse.
        name: table or staging table.
        counter_id: the counter.
        key: column that tells rows apart.
        columns: columns to digest; None for all that are stored.

    Returns:
        Digests by day; days without rows are absent.
    """
    return _narrow(warehouse, name, key, columns, "counter_id = %(counter_id)s", {"counter_id": counter_id})


def narrow_day(
    warehouse: Warehouse, name: str, counter_id: int, day: dt.date, key: str, *, columns: Sequence[str]
) -> Narrowing:
    """Digest the parts of one day.

    Args:
        warehouse: the warehouse.
        name: table.
        counter_id: the counter.
        day: the day.
        key: column that tells rows apart.
        columns: columns to digest.

    Returns:
        The digests, of an empty day too.
    """
    found = _narrow(
        warehouse, name, key, columns, "counter_id = %(counter_id)s AND date = %(day)s",
        {"counter_id": counter_id, "day": day},
    )  # fmt: skip
    empty = Narrowing(tuple(columns), ("0" * DIGEST_CHARS,) * len(columns), "0" * DIGEST_CHARS * 2 * CELLS)
    return found.get(day, empty)


def suspects_sql(name: str, key: str, columns: Sequence[str]) -> str:
    """The query that lists the rows of some cells.

    Args:
        name: table.
        key: column that tells rows apart.
        columns: columns to read.

    Returns:
        A SELECT with the parameters ``counter_id``, ``day``, ``first`` and ``second`` (lists of cells), ordered by key.
    """
    listed = ", ".join(quoted(column) for column in columns)
    first, second = _cell(key, 0), _cell(key, 1)
    return (
        f"SELECT {listed} FROM {quoted(name)} WHERE counter_id = %(counter_id)s AND date = %(day)s "
        f"AND has(%(first)s, {first}) AND has(%(second)s, {second}) ORDER BY {quoted(key)}"
    )


def _cell(key: str, direction: int) -> str:
    return f"toUInt16(bitAnd(bitShiftRight(cityHash64({quoted(key)}), {8 * direction}), {CELLS - 1}))"


def _narrow(
    warehouse: Warehouse, name: str, key: str, columns: Sequence[str] | None, where: str, values: Mapping[str, Any]
) -> dict[dt.date, Narrowing]:
    kinds = stored_columns(warehouse, name)
    chosen = tuple(kinds if columns is None else columns)
    texts = {column: hashable(column, kinds[column]) for column in chosen}
    source = f"FROM {quoted(name)} WHERE {where}"
    row = f"cityHash64({', '.join(texts.values())})"
    # A direction that a row of the result is not grouped by is 0 there, so cells count from 1.
    cells = warehouse.execute(
        "SELECT date, greatest(first, second) - 1, sum(h) "
        f"FROM (SELECT date, {row} AS h, 1 + {_cell(key, 0)} AS first, "
        f"{CELLS + 1} + {_cell(key, 1)} AS second {source}) "
        "GROUP BY GROUPING SETS ((date, first), (date, second))",
        values,
    )
    sums = ", ".join(f"sum(cityHash64({text}))" for text in texts.values())
    by_column = warehouse.execute(f"SELECT date, {sums} {source} GROUP BY date", values)
    found: dict[dt.date, list[int]] = {day: [0] * (2 * CELLS) for day, *_ in by_column}
    for day, cell, digest in cells:
        found[day][cell] = digest
    return {
        day: Narrowing(chosen, tuple(map(_hex, digests)), "".join(map(_hex, found[day]))) for day, *digests in by_column
    }


def _hex(number: int) -> str:
    return f"{number:0{DIGEST_CHARS}x}"


def _split(cells: str) -> list[str]:
    return [cells[start : start + DIGEST_CHARS] for start in range(0, len(cells), DIGEST_CHARS)]
