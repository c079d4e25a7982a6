"""CSV that people open with a spreadsheet: a text from outside never becomes a formula there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet calculate a cell instead of showing it


def safe_cell(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula.

    Args:
        value: a cell.

    Returns:
        The value; a text that a spreadsheet would compute gets an apostrophe in front.

    >>> safe_cell("=1+1"), safe_cell("level4_desktop"), safe_cell(-0.5)
    ("'=1+1", 'level4_desktop', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def csv_text(header: Sequence[object], rows: Iterable[Iterable[object]]) -> str:
    r"""Write a table as CSV.

    Args:
        header: names of the columns; they too may come from outside.
        rows: the cells of each line; None is empty.

    Returns:
        The text, lines ended by CR LF.

    >>> csv_text(["a", "=b"], [[1, None]])
    "a,'=b\r\n1,\r\n"
    """
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in (header, *rows))
    return out.getvalue()
