"""Counting the watched features of a day and its reference where they lie; only bins leave ClickHouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from include.visits.devices import DEVICE_NAMES
from include.visits.monitoring.checks import Check, Tally, check_feature
from include.warehouse.client import Warehouse

FEATURES = (
    "slots",
    "slot_range",
    "slot_density",
    "median_pause_seconds",
    "mean_pause_seconds",
    "std_pause_seconds",
    "duration_seconds",
    "page_views",
    "is_bounce",
    "hit_count",
    "flagged_by_rule",
)
SCORE_FEATURES = ("score", "flagged_by_model")
DEVICE_MIX, ALL_DEVICES = "device_mix", "all"
# Values equal to an edge belong below it; an edge a little lower gives a frequent value a bin of its own.
EDGE_STEP_SHARE = 1e-9


@cache
def query(name: str) -> str:
    """One of this folder's queries.

    Args:
        name: file stem.

    Returns:
        Its text, with the watched values in place where it asks for them.
    """
    text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    return text.replace("{values}", f"\n{query('values')}") if "{values}" in text else text


def check_device(
    warehouse: Warehouse, counter_id: int, day: dt.date, device: str, *, days: Sequence[dt.date], version: str
) -> list[Check]:
    """Compare every watched feature of a device.

    Args:
        warehouse: with ``visit_features`` and ``visit_scores``.
        counter_id: the counter.
        day: the scored day.
        device: device category.
        days: days of the reference.
        version: version of the model that scored the day, empty when none did.

    Returns:
        Checks without verdicts; those of the score only when a model was asked.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    values = {"counter_id": counter_id, "device": device, "version": version}
    deciles = warehouse.execute(query("bin_edges"), {**values, "days": tuple(days) or (day,)})
    edges = {feature: cut_points(found) for feature, found in deciles}
    tallies: Mapping[str, Tally] = {}
    if edges:
        binned = {**values, "days": (*days, day), "features": list(edges), "edges": list(edges.values())}
        tallies = _tallies(warehouse.execute(query("bin_counts"), binned))
    watched = (*FEATURES, *SCORE_FEATURES) if version else FEATURES
    nothing = Tally({}, {})
    return [check_feature(DEVICE_NAMES[device], name, tallies.get(name, nothing), day, days) for name in watched]


def check_device_mix(warehouse: Warehouse, counter_id: int, day: dt.date, days: Sequence[dt.date]) -> Check:
    """Compare how the visits spread over device categories.

    Args:
        warehouse: with ``visit_features``.
        counter_id: the counter.
        day: the scored day.
        days: days of the reference.

    Returns:
        One check without a verdict.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    values = {"counter_id": counter_id, "days": (*days, day), "devices": list(DEVICE_NAMES)}
    tally = _tallies(warehouse.execute(query("device_counts"), values)).get(DEVICE_MIX, Tally({}, {}))
    return check_feature(ALL_DEVICES, DEVICE_MIX, Tally(tally.counts, {}), day, days)


def cut_points(deciles: Sequence[float]) -> list[float]:
    """Edges of bins from deciles; a value that fills a whole decile gets a bin of its own.

    Args:
        deciles: ascending.

    Returns:
        Ascending edges, each once; a bin holds the values above one edge and up to the next.

    >>> cut_points([1.0, 1.0, 2.0])
    [0.999999999, 1.0, 2.0]
    """
    frequent = {value for value, following in pairwise(deciles) if value == following}
    below = {value - EDGE_STEP_SHARE * max(1.0, abs(value)) for value in frequent}
    return sorted(below | set(deciles))


def _tallies(rows: Iterable[tuple[Any, ...]]) -> dict[str, Tally]:
    """Rows of feature, date, bin, visits and sum of values, laid out by feature and day."""
    found: dict[str, dict[dt.date, dict[int, tuple[int, float]]]] = {}
    for feature, date, place, visits, total in rows:
        found.setdefault(feature, {}).setdefault(date, {})[int(place)] = (int(visits), float(total))
    return {feature: _tally(days) for feature, days in found.items()}


def _tally(days: Mapping[dt.date, Mapping[int, tuple[int, float]]]) -> Tally:
    size = 1 + max(place for bins in days.values() for place in bins)
    counts = {date: np.zeros(size) for date in days}
    for date, bins in days.items():
        for place, (visits, _) in bins.items():
            counts[date][place] = visits
    return Tally(counts, {date: sum(total for _, total in bins.values()) for date, bins in days.items()})
