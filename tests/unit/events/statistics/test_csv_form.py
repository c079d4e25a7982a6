"""An answer as CSV reads back, whatever the names hold."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.csv_cells import FORMULA_STARTS, safe_cell
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
        assert rows[0] == ["user_code", *map(safe_cell, columns)]
        assert rows[1:] == [["u1", *map(str, range(len(columns)))], ["", *["0"] * len(columns)]]

    @given(st.lists(names, unique=True, min_size=1, max_size=5))
    def test_should_have_a_line_per_cell_when_long(self, columns: list[str]) -> None:
        rows = list(csv.reader(io.StringIO(to_csv(answer(columns), is_long=True), newline="")))
        assert rows[1:] == [["u1", safe_cell(column), str(place)] for place, column in enumerate(columns)]

    @pytest.mark.parametrize("start", FORMULA_STARTS, ids=ascii)
    @pytest.mark.parametrize("is_long", [True, False], ids=["long", "wide"])
    def test_should_open_no_formula_when_names_begin_like_one(self, start: str, is_long: bool) -> None:
        hostile = f"{start}cmd|' /C calc'!A0"
        found = Answer((hostile,), (hostile,), ({hostile: -1},), 0, 1, False, 0)
        rows = list(csv.reader(io.StringIO(to_csv(found, is_long=is_long), newline="")))
        cells = [cell for row in rows for cell in row]
        assert [cell for cell in cells if cell.startswith(FORMULA_STARTS)] == ["-1"]
        assert cells.count(f"'{hostile}") == 2
