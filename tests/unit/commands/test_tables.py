from __future__ import annotations

import io

import pytest
from rich.console import Console

from include.commands.tables import print_rows, text_of

ROWS = [{"device": name, **{f"measure_{i}": i + 0.123456 for i in range(20)}} for name in ("desktop", "mobile")]


def printed(*, width: int, is_terminal: bool) -> str:
    out = io.StringIO()
    print_rows("Scores", ROWS, Console(file=out, width=width, force_terminal=is_terminal, color_system=None))
    return out.getvalue()


class TestPrintRows:
    def test_should_keep_a_line_per_row_when_it_is_written_to_a_file(self) -> None:
        lines = printed(width=80, is_terminal=False).splitlines()
        assert [line for line in lines if "desktop" in line and "19.1235" in line]

    def test_should_turn_the_table_when_the_terminal_is_too_narrow(self) -> None:
        lines = printed(width=80, is_terminal=True).splitlines()
        assert max(map(len, lines)) <= 80
        assert [line for line in lines if "measure 19" in line and line.count("19.1235") == 2]

    def test_should_stay_upright_when_the_terminal_is_wide_enough(self) -> None:
        assert "measure 19" in printed(width=400, is_terminal=True).splitlines()[2]


class TestTextOf:
    @pytest.mark.parametrize(
        ("value", "text"),
        [(True, "yes"), (0.5, "0.5"), (1 / 3, "0.3333"), (1e-9, "0"), (12345.678, "12345.678"), (None, ""), (7, "7")],
    )
    def test_should_be_readable_when_it_is_a_value(self, value: object, text: str) -> None:
        assert text_of(value) == text
