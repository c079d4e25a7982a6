"""Small bars per day, as SVG inside a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from include.events.showing.figures import DayCounts

BAR_PIXELS, GAP_PIXELS, HEIGHT_PIXELS = 14, 4, 44
# Parts of a bar from the bottom, with the colours of the page's classes.
PARTS = ("accepted", "duplicates", "rejected")


def day_bars(days: Mapping[dt.date, DayCounts], shown: Sequence[dt.date]) -> str:
    """Draw a bar per day, as high as its events against the fullest day.

    Args:
        days: counts by day; absent days have none.
        shown: days from left to right.

    Returns:
        An SVG element; each bar says its numbers when pointed at.
    """
    most = max((days[day].received for day in shown if day in days), default=0)
    step = BAR_PIXELS + GAP_PIXELS
    bars = "".join(_bar(day, days.get(day, DayCounts()), place * step, most) for place, day in enumerate(shown))
    width = step * len(shown)
    return (
        f"<svg class='bars' role='img' aria-label='events per day' width='{width}' height='{HEIGHT_PIXELS}' "
        f"viewBox='0 0 {width} {HEIGHT_PIXELS}'>{bars}</svg>"
    )


def _bar(day: dt.date, counts: DayCounts, left: int, most: int) -> str:
    said = f"{day}: {counts.accepted} accepted, {counts.duplicates} duplicates, {counts.rejected} rejected"
    pieces, bottom = [], float(HEIGHT_PIXELS - 1)
    for part in PARTS:
        count = getattr(counts, part)
        if count and most:
            height = max(1.0, count / most * (HEIGHT_PIXELS - 4))
            bottom -= height
            pieces.append(_rectangle(part, left, max(0.0, bottom), height))
    floor = _rectangle("floor", left, HEIGHT_PIXELS - 1, 1)
    return f"<g><title>{said}</title>{''.join(pieces)}{floor}</g>"


def _rectangle(kind: str, left: int, top: float, height: float) -> str:
    return f"<rect class='{kind}' x='{left}' y='{top:.1f}' width='{BAR_PIXELS}' height='{height:.1f}'/>"
