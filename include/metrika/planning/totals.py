"""The figures of single days added up, each sum with the range it probably lies in."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from include.metrika.loading.load_job import SOURCES
from include.metrika.planning.forecast import RANGE_SPREADS, Amount, Line
from include.metrika.planning.sizes import STEPS, DayFigures, Sizes

ROWS = ("visits", "hits")
COUNTED = ("parts", "requests")  # of the commands
SIZED = ("download_bytes", "raw_bytes", "derived_bytes")
TOTAL_SECONDS = "total_seconds"
QUANTITIES = (*ROWS, *COUNTED, *SIZED, *(f"{step}_seconds" for step in STEPS), TOTAL_SECONDS)
MINOR_SPREAD = 0.02  # of bytes per row, which hardly differ


def add_up(sizes: Sizes, figures: Mapping[dt.date, DayFigures]) -> dict[str, Amount]:
    """Add up the figures of the days to load.

    Args:
        sizes: what they were made from, for the ranges.
        figures: by day.

    Returns:
        A figure per quantity, see QUANTITIES; steps are done one after another.
    """
    days = sorted(figures)
    rows = {"visits": sizes.visits.total(days), "hits": sizes.hits.total(days)}
    both = rows["visits"] + rows["hits"]
    found = dict(rows)
    for name in (*COUNTED, *SIZED):
        value = sum(float(getattr(one, name)) for one in figures.values())
        line = {"raw_bytes": sizes.raw, "derived_bytes": sizes.derived}.get(name)
        found[name] = _scaled(value, both, _spread(line, len(days)) if line else _row_bytes_spread(sizes))
    # A day needs its requests whatever its size; only its parts follow the rows.
    fixed = found["requests"].value - found["parts"].value
    found["requests"] = Amount(fixed, fixed, fixed) + found["parts"]
    seconds = {step: sum(one.seconds[step] for one in figures.values()) for step in STEPS}
    for step, value in seconds.items():
        found[f"{step}_seconds"] = Amount.around(value, _spread(sizes.lines[step], len(days)))
    found[TOTAL_SECONDS] = sum((found[f"{step}_seconds"] for step in STEPS), Amount())
    return found


def sum_totals(totals: Sequence[Mapping[str, Amount]]) -> dict[str, Amount]:
    """The figures of several counters together.

    Args:
        totals: one per counter.

    Returns:
        A figure per quantity.
    """
    return {name: sum((one[name] for one in totals), Amount()) for name in QUANTITIES}


def _row_bytes_spread(sizes: Sizes) -> float:
    basis = sizes.basis
    seen = [basis.row_bytes(source, fields).spread for source in SOURCES for fields in basis.fields[source]]
    return max(MINOR_SPREAD, *seen)


def _spread(line: Line, day_count: int) -> float:
    """Of a sum: days err by themselves, the line errs for all of them."""
    if not line.sample_count:
        return line.spread
    return line.spread * math.sqrt(1 / max(1, day_count) + 1 / line.sample_count)


def _scaled(value: float, rows: Amount, spread: float) -> Amount:
    """A figure that is as uncertain as the rows it is made of, and a little more by itself."""
    if not rows.value:
        return Amount(value, value, value)
    factor = math.exp(RANGE_SPREADS * spread)
    return Amount(value * rows.low / rows.value / factor, value, value * rows.high / rows.value * factor)
