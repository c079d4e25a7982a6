"""An answer as CSV reads back, whatever the names hold."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from include.events.statistics.answering import Answer
from include.events.statistics.csv_form import to_csv

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def answer(columns: list[str]) -> Answer:
    cells = {column: place for place, column in enumerate(columns)}
    return Answer(("u1", None), tuple(columns), (cells, {}), 0, 2, False, 0)


class TestToCsv:
    @given(st.lists(names, unique=True, min_size=1, max_size=5))
    def test_should_read_back(self, columns: list[str]) -> None:
        rows = list(csv.reader(io.StringIO(to_csv(answer(columns)), newline="")))
        assert rows[0] == ["user_code", *columns]
        assert rows[1:] == [["u1", *map(str, range(len(columns)))], ["", *["0"] * len(columns)]]

    @given(st.lists(names, unique=True, min_size=1, max_size=5))
    def test_should_have_a_line_per_cell_when_long(self, columns: list[str]) -> None:
        rows = list(csv.reader(io.StringIO(to_csv(answer(columns), is_long=True), newline="")))
        assert rows[1:] == [["u1", column, str(place)] for place, column in enumerate(columns)]
