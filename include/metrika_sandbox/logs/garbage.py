"""Spoiled rows: what a broken log looks like, with an exact count of what was broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

COLUMNS, RANGE, NUMBER, DATE, ARRAY = "columns", "range", "number", "date", "array"
TOO_LARGE = "99999999999999999999999"  # above 2^64
NOT_A_NUMBER = "x17"
NOT_A_DATE = "2025-02-30"
NOT_A_TIME = "2025-02-30 25:61:00"
BROKEN_ARRAY = "[12,7"

Spoiler = Callable[[list[str]], list[str]]


def _replace(place: int, value: str) -> Spoiler:
    return lambda fields: [*fields[:place], value, *fields[place + 1 :]]


def _choices(types: Sequence[str]) -> list[tuple[str, Spoiler]]:
    """Every way to spoil a row of these types."""
    ways: list[tuple[str, Spoiler]] = [(COLUMNS, lambda fields: fields[:-1]), (COLUMNS, lambda fields: [*fields, "7"])]
    for place, name in enumerate(types):
        if name.startswith(("UInt", "Int")):
            ways += [(RANGE, _replace(place, TOO_LARGE)), (NUMBER, _replace(place, NOT_A_NUMBER))]
        elif name in ("Date", "DateTime"):
            ways.append((DATE, _replace(place, NOT_A_DATE if name == "Date" else NOT_A_TIME)))
        elif name.startswith("Array(UInt"):
            ways.append((ARRAY, _replace(place, BROKEN_ARRAY)))
    return ways


def spoil_rows(
    rows: list[str], types: Sequence[str], share: float, rng: np.random.Generator, spoiled: Counter[str]
) -> None:
    """Break some rows in place.

    Args:
        rows: lines of tab-separated fields.
        types: type of each column.
        share: share of rows to break (0-1).
        rng: decides which and how.
        spoiled: counts the broken rows by kind; grows.
    """
    ways = _choices(types)
    for place in np.flatnonzero(rng.random(len(rows)) < share).tolist():
        kind, spoil = ways[int(rng.integers(len(ways)))]
        rows[place] = "\t".join(spoil(rows[place].split("\t")))
        spoiled[kind] += 1
