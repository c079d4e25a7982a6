"""Retention curves as CSV, for a spreadsheet."""

from __future__ import annotations

from include.csv_cells import csv_text
from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.curves import Curves


def curves_csv(curves: Curves, *, kind: CurveKind | None = None) -> str:
    """Write curves as CSV with a header; what is null is empty.

    Args:
        curves: the curves.
        kind: a line per cohort with the shares of this kind; None for a line per cohort and day with everything.

    Returns:
        The text, lines ended by CR LF. A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    rows = curves.rows() if kind is None else curves.wide(kind)
    course_id = curves.course.course_id
    return csv_text(["course_id", *rows[0]], ([course_id, *row.values()] for row in rows))
