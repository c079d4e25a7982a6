"""Asking ClickHouse, and giving the answer the form people read."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.errors import StoreUnavailable
from include.events.statistics.question import OTHER_COLUMN, USER_CODE, Question
from include.events.statistics.statements import Statement, Statements
from include.warehouse.client import Warehouse

# Names of columns are bound as values, and each may be as long as the attributes of an event together.
SQL_BYTES = 64 * 1024 * 1024
READ_SETTINGS: dict[str, Any] = {
    "max_query_size": SQL_BYTES,
    "precise_float_parsing": 1,  # doubles come back to the last bit
    "do_not_merge_across_partitions_select_final": 1,  # an event is in one month for ever
}


@dataclass(frozen=True)
class Answer:
    """The answer of a question.

    Attributes:
        people: of the page, in order; None for events without the identity, last.
        columns: names of the columns, the largest first, the folded rest last.
        cells: aggregate by place in ``people`` and name of the column; absent without events.
        empty: what a cell without events holds.
        total: people of all pages.
        has_more: there are people after the page.
        skipped_count: events left out, for a value does not fit the type its attribute has now.
    """

    people: tuple[str | None, ...]
    columns: tuple[str, ...]
    cells: tuple[dict[str, Any], ...]
    empty: int | None
    total: int
    has_more: bool
    skipped_count: int

    def wide(self) -> list[dict[str, Any]]:
        """One object per person, all with the same columns."""
        return [
            {USER_CODE: person, **{column: row.get(column, self.empty) for column in self.columns}}
            for person, row in zip(self.people, self.cells, strict=True)
        ]

    def long(self) -> list[dict[str, Any]]:
        """One object per person and column that has events."""
        return list(self._iter_long())

    def _iter_long(self) -> Iterator[dict[str, Any]]:
        for person, row in zip(self.people, self.cells, strict=True):
            for column in self.columns:
                if column in row:
                    yield {USER_CODE: person, "key": column, "value": row[column]}


def answer(warehouse: Warehouse, table: str, question: Question) -> Answer:
    """Answer a question from the events that have been loaded.

    Args:
        warehouse: ClickHouse; its ``read_seconds`` is the time all queries together may take.
        table: its table of events.
        question: what is asked.

    Returns:
        The answer.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached, or the time is over.
        StoreError: ClickHouse refused a query.
    """
    statements, run = Statements(question, table), _Runner(warehouse)
    rows = run(statements.answer())
    if not rows:
        return Answer((), (), (), question.aggregate.empty, 0, False, run(statements.totals())[0][0])
    *_, column_count, user_count, skipped_count = rows[0]
    columns = {place: column for _, _, _, place, column, *_ in rows if place <= question.top_count}
    names = [columns[place] for place in sorted(columns)]
    people: dict[int, str] = {}
    cells: dict[int, dict[str, Any]] = {}
    for is_shown, place, user, _, column, value, *_ in rows:
        if is_shown:
            people[place] = user
            cells.setdefault(place, {})[column] = question.aggregate.empty if value is None else _finite(value)
    places = sorted(people)
    return Answer(
        people=tuple(people[place] or None for place in places),
        columns=(*names, OTHER_COLUMN) if column_count > question.top_count else tuple(names),
        cells=tuple(cells[place] for place in places),
        empty=question.aggregate.empty,
        total=user_count,
        has_more=question.offset + len(places) < user_count,
        skipped_count=skipped_count,
    )


class _Runner:
    """Runs the queries of one answer within one time limit."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._end = time.monotonic() + warehouse.read_seconds

    def __call__(self, statement: Statement) -> list[tuple[Any, ...]]:
        left_seconds = self._end - time.monotonic()
        if left_seconds <= 0:
            raise StoreUnavailable("The answer took too long; ask for less, or raise CLICKHOUSE_TIMEOUT_SECONDS.")
        settings = {**READ_SETTINGS, "max_execution_time": left_seconds}
        return self._warehouse.execute(statement.sql, statement.params, settings)


def _finite(value: Any) -> Any:
    """JSON has no infinity: a sum of doubles that left their range is nothing that can be said."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
