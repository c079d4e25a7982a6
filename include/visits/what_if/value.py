"""What a visit is worth: the revenue it brought, else the value of its goals, else a number given by a person."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass

from include.errors import InputError
from include.warehouse.client import Warehouse, quoted
from include.warehouse.schema import stored_columns

REVENUE, GOALS, GIVEN, NONE = "purchase_revenue", "goal_value", "given", "none"
CENTS = 100  # sums are whole hundredths, so that they do not depend on the order of rows
GOAL_VALUE_SCALE = 1000  # Metrika delivers the value of a goal times 1000
MOST_CENTS = 10**15


@dataclass(frozen=True)
class ValueRule:
    """How the value of a visit is found.

    Attributes:
        source: purchase_revenue, goal_value, given or none.
        expression: hundredths of a visit, an Int64 expression over a row of ``visits``.
        note: what a reader has to know about it, or an empty text.
    """

    source: str
    expression: str = "toInt64(0)"
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Whether visits have a value at all."""
        return self.source != NONE


@dataclass(frozen=True)
class _Column:
    source: str
    values: str
    currencies: str
    scale: int

    @property
    def expression(self) -> str:
        """SQL of a visit's value in whole hundredths, 0 where it is not finite."""
        total = f"arraySum({quoted(self.values)})"
        cents = f"round({total} * {CENTS} / {self.scale})"
        limit = f"toFloat64({MOST_CENTS})"  # Float64 and whole numbers have no common type
        return f"if(isFinite({total}), toInt64(greatest(-{limit}, least({limit}, {cents}))), toInt64(0))"


_COLUMNS = (
    _Column(REVENUE, "purchase_revenues", "purchase_currencies", 1),
    _Column(GOALS, "goal_values", "goal_currencies", GOAL_VALUE_SCALE),
)


def require_value(value_per_visit: float | None) -> float | None:
    """Check the value a person gives to a visit.

    Args:
        value_per_visit: any currency; None for none.

    Returns:
        The same.

    Raises:
        InputError: negative, not a number, or beyond all reason.
    """
    if value_per_visit is None:
        return None
    if not math.isfinite(value_per_visit) or not 0 <= value_per_visit * CENTS <= MOST_CENTS:
        raise InputError(
            f"The value of a visit is {value_per_visit:g}; give a number from 0 to {MOST_CENTS // CENTS}.",
            code="out_of_range",
            pointer="/value_per_visit",
        )
    return value_per_visit


def find_value_rule(
    warehouse: Warehouse, counter_id: int, first: dt.date, last: dt.date, value_per_visit: float | None
) -> ValueRule:
    """Choose the value that the visits of a range carry.

    Args:
        warehouse: the warehouse, with ``visits``.
        counter_id: the counter.
        first: first day.
        last: last day.
        value_per_visit: value of a visit when they carry none; None to count only.

    Returns:
        Purchase revenue when a visit of the range has some, else goal values, else the given number.
        Values in several currencies are not added up; the note says so.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    notes: list[str] = []
    stored = stored_columns(warehouse, "visits")
    for column in _COLUMNS:
        if column.values not in stored:
            continue
        currencies = _currencies(warehouse, column, column.currencies in stored, counter_id, first, last)
        if currencies is not None and len(currencies) <= 1:
            return ValueRule(column.source, column.expression, " ".join([*notes, *_named(currencies)]))
        if currencies:
            notes.append(f"{column.source.replace('_', ' ')} is in {', '.join(currencies)} and was not added up.")
    if value_per_visit is None:
        return ValueRule(NONE, note=" ".join(notes))
    return ValueRule(GIVEN, f"toInt64({round(value_per_visit * CENTS)})", " ".join(notes))


def _named(currencies: list[str]) -> Iterator[str]:
    yield from (f"In {currency}." for currency in currencies)


def _currencies(
    warehouse: Warehouse, column: _Column, has_currencies: bool, counter_id: int, first: dt.date, last: dt.date
) -> list[str] | None:
    """Currencies of the values of a range; None when no visit has a value."""
    listed = f"groupUniqArrayArray({quoted(column.currencies)})" if has_currencies else "CAST([], 'Array(String)')"
    of_range = "counter_id = %(counter_id)s AND date BETWEEN %(first)s AND %(last)s"
    count, currencies = warehouse.execute(
        f"SELECT count(), {listed} FROM visits WHERE {of_range} AND arrayExists(x -> x != 0, {quoted(column.values)})",
        {"counter_id": counter_id, "first": first, "last": last},
    )[0]
    return sorted(filter(None, currencies)) if count else None
