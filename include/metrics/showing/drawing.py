"""Small drawings inside the page: bars of a distribution, the coloured triangle of retention."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from include.metrics.retention.cohorts import CurveKind
from include.metrics.retention.curves import Curves

BAR_PIXELS, GAP_PIXELS, HEIGHT_PIXELS = 11, 2, 34
SHOWN_DAYS = (0, 1, 2, 3, 5, 7, 10, 14, 21, 28)
INK = "39,103,176"  # of the triangle, as red, green, blue
DRAWING_STYLE = (
    "<style>.spread rect{fill:#2767b0}.spread rect.floor{fill:#8a94a3}"
    ".triangle td{padding:.28rem .6rem;text-align:right;border:1px solid var(--line)}"
    ".triangle th{padding:.28rem .6rem;text-align:right}.triangle th:first-child{text-align:left}"
    ".up{color:#12703a}.down{color:#c0492f}@media(prefers-color-scheme:dark){.up{color:#7ddba0}.down{color:#f0876f}}"
    ".here{font-weight:600}</style>"
)


def spread_bars(distribution: Mapping[str, list[Any]] | None) -> str:
    """Draw how the values of people lie between the least and the greatest.

    Args:
        distribution: ``counts`` with the ``edges`` of bins or the ``values`` they are of; None without values.

    Returns:
        An SVG element, each bar with its numbers when pointed at; a dash without values.
    """
    if distribution is None:
        return "–"
    counts = distribution["counts"]
    step, most = BAR_PIXELS + GAP_PIXELS, max(counts)
    bars = "".join(_bar(_name_of(distribution, place), count, place * step, most) for place, count in enumerate(counts))
    width = step * len(counts)
    return (
        f"<svg class='spread' role='img' aria-label='people by value' width='{width}' height='{HEIGHT_PIXELS}' "
        f"viewBox='0 0 {width} {HEIGHT_PIXELS}'>{bars}</svg>"
    )


def _name_of(distribution: Mapping[str, list[Any]], place: int) -> str:
    if "values" in distribution:
        return f"{distribution['values'][place]}"
    edges = distribution["edges"]
    return f"{figure_of(edges[place])} to {figure_of(edges[place + 1])}"


def _bar(name: str, count: int, left: int, most: int) -> str:
    height = max(1.0, count / most * (HEIGHT_PIXELS - 3)) if count else 0.0
    top = HEIGHT_PIXELS - 1 - height
    return (
        f"<g><title>{escape(name)}: {count}</title>"
        f"<rect x='{left}' y='{top:.1f}' width='{BAR_PIXELS}' height='{height:.1f}'/>"
        f"<rect class='floor' x='{left}' y='{HEIGHT_PIXELS - 1}' width='{BAR_PIXELS}' height='1'/></g>"
    )


def triangle(curves: Curves) -> str:
    """Show retention by cohort and day, the darker the more came back.

    Args:
        curves: weekly cohorts in order.

    Returns:
        A table; cohorts without people are left out, days that have ended for nobody are empty.
    """
    days = [n for n in SHOWN_DAYS if n <= curves.question.longest_days]
    header = "".join(f"<th>{escape(text)}</th>" for text in ("began in", "people", *(f"day {n}" for n in days)))
    rows = [
        f"<tr><th>{cohort.period.first_day}</th><td>{cohort.person_count}</td>"
        + "".join(_cell(cohort.points[n].share(CurveKind.EXACT)) for n in days)
        + "</tr>"
        for cohort in curves.cohorts
        if cohort.person_count
    ]
    if not rows:
        return "<p>Nobody began in these weeks.</p>"
    return f"<div class='wide'><table class='triangle'><tr>{header}</tr>{''.join(rows)}</table></div>"


def _cell(share: float | None) -> str:
    if share is None:
        return "<td></td>"
    return f"<td style='background:rgba({INK},{0.08 + 0.6 * share:.2f})'>{share:.0%}</td>"


def figure_of(value: float | None) -> str:
    """Write a value for people; answers of the API are not rounded.

    Args:
        value: any number, or None.

    Returns:
        About four digits, or a dash.

    >>> figure_of(0.048984), figure_of(1320.0), figure_of(None), figure_of(0.00001234)
    ('0.04898', '1320', '–', '1.234e-05')
    """
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def change_of(now: float | None, before: float | None) -> str:
    """Write how much a value grew.

    Args:
        now: value of the later period, or None.
        before: of the earlier one, or None.

    Returns:
        HTML: the difference with its sign, or a dash.
    """
    if now is None or before is None:
        return "–"
    difference = now - before
    kind = "up" if difference > 0 else "down" if difference < 0 else "quiet"
    sign = "+" if difference > 0 else ""
    return f"<span class='{kind}'>{sign}{escape(figure_of(difference))}</span>"
