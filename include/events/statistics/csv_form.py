"""An answer as CSV, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence

from include.csv_cells import csv_text
from include.events.statistics.answering import Answer
from include.events.statistics.question import USER_CODE

LONG_HEADER = (USER_CODE, "key", "value")


def to_csv(answer: Answer, *, is_long: bool = False) -> str:
    """Write an answer as CSV with a header; what is null is empty.

    Args:
        answer: the answer.
        is_long: a line per person and column instead of a line per person.

    Returns:
        The text, lines ended by CR LF. A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    header: Sequence[str] = LONG_HEADER if is_long else (USER_CODE, *answer.columns)
    return csv_text(header, (row.values() for row in (answer.long() if is_long else answer.wide())))
