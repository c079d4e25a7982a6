"""Retention curves as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.curves import Curves

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet calculate a cell instead of showing it


def curves_csv(curves: Curves, *, kind: CurveKind | None = None) -> str:
    """Write curves as CSV with a header; what is null is empty.

    Args:
        curves: the curves.
        kind: a line per cohort with the shares of this kind; None for a line per cohort and day with everything.

    Returns:
        The text, lines ended by CR LF. A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    rows = curves.rows() if kind is None else curves.wide(kind)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["course_id", *rows[0]])
    course_id = harmless(curves.course.course_id)
    writer.writerows([course_id, *row.values()] for row in rows)
    return out.getvalue()


def harmless(cell: Any) -> Any:
    """Keep a spreadsheet from running a text that came from outside.

    Args:
        cell: any value.

    Returns:
        The value; texts that begin like a formula with an apostrophe in front.

    >>> harmless("=1+1"), harmless("algebra"), harmless(-0.5)
    ("'=1+1", 'algebra', -0.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
