"""Values of ClickHouse held against the same values from pandas, before anything is stored."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from include.errors import MetricsDisagree
from include.metrics.reference.formulas import REFERENCE_COLUMNS, values_of_history
from include.metrics.reference.sampling import Sample

if TYPE_CHECKING:
    from include.metrics.values.batches import Batch

LARGEST_DIFFERENCE = 1e-9  # relative: both engines divide exact integers once
KEY = ["metric", "version", "period_start_at", "person_id"]
COLUMNS = list(REFERENCE_COLUMNS)
NUMBERS = ("value", "numerator", "denominator", "sample_n")

Key = tuple[str, int, dt.datetime, str]

_log = logging.getLogger(__name__)


def check_values(sample: Sample, batch: Batch, rows: Iterable[Any]) -> int:
    """Compare what ClickHouse gave for the people of a sample with what pandas makes of their events.

    Args:
        sample: people and their events.
        batch: what was calculated.
        rows: objects with an attribute for each column of values; people outside the sample are passed over.

    Returns:
        How many rows were compared.

    Raises:
        MetricsDisagree: a value, its parts, its sample or its reason differ, or only one side has a row.
    """
    expected = values_of_history(
        sample.history, periods=batch.periods, cards=batch.cards, required=batch.required, now=batch.now
    )
    sampled = frozenset(sample.person_ids)
    ours = _by_key(expected)
    theirs = _by_key(pd.DataFrame([_record(row) for row in rows if str(row.person_id) in sampled], columns=COLUMNS))
    differences = list(_differences(theirs, ours))
    if differences:
        raise MetricsDisagree(_sentence(batch, differences))
    _log.info(
        "both engines agree on %d values of %d persons, course %s/%s, grain %s",
        *(len(ours), len(sampled), batch.course.project, batch.course.course_id, batch.periods[0].grain),
    )
    return len(ours)


def _record(row: Any) -> dict[str, Any]:
    record = {name: getattr(row, name) for name in COLUMNS}
    return {**record, "metric": str(record["metric"]), "person_id": str(record["person_id"])}


def _by_key(values: pd.DataFrame) -> pd.DataFrame:
    """One row per value under its key, every compared number in a column of its own."""
    numbers = {name: values[name].astype(float) for name in NUMBERS}
    table = values[["null_reason"]].assign(**numbers, **_kept_times(values["by_timeout"]))
    table.index = pd.MultiIndex.from_arrays([values[name] for name in KEY], names=KEY)
    return table.sort_index()


def _kept_times(by_timeout: pd.Series[Any]) -> dict[str, list[float]]:
    """Lists of numbers, or None, as columns of numbers; what a list lacks is NaN."""
    listed = [times if isinstance(times, list | tuple) else () for times in by_timeout]
    longest = max((len(times) for times in listed), default=0)
    return {
        f"by_timeout_{place}": [times[place] if place < len(times) else np.nan for times in listed]
        for place in range(longest)
    }


def _differences(theirs: pd.DataFrame, ours: pd.DataFrame) -> Iterator[tuple[Key, str]]:
    """Where both differ, and how, in the order of the keys within each kind of difference."""
    is_repeat = theirs.index.duplicated()
    yield from ((key, "ClickHouse has this value twice") for key in theirs.index[is_repeat])
    theirs = theirs[~is_repeat]
    yield from (
        (key, f"only pandas has a value, {ours['value'][key]:.12g}") for key in ours.index.difference(theirs.index)
    )
    yield from ((key, "only ClickHouse has a value") for key in theirs.index.difference(ours.index))
    both = theirs.index.intersection(ours.index)
    columns = sorted({*theirs.columns, *ours.columns})
    left, right = (table.reindex(index=both, columns=columns) for table in (theirs, ours))
    for name in columns:
        for key in both[~_equal(left[name], right[name])]:
            yield key, f"{name} is {_shown(left[name][key])} in ClickHouse and {_shown(right[name][key])} in pandas"


def _equal(left: pd.Series[Any], right: pd.Series[Any]) -> Any:
    if left.name == "null_reason":
        return (left == right).to_numpy()
    return np.isclose(left.astype(float), right.astype(float), rtol=LARGEST_DIFFERENCE, atol=0.0, equal_nan=True)


def _shown(found: Any) -> str:
    if isinstance(found, str):
        return repr(found)
    return "NULL" if np.isnan(found) else f"{found:.17g}"


def _sentence(batch: Batch, differences: list[tuple[Key, str]]) -> str:
    (metric, version, start_at, person_id), what = differences[0]
    course, grain, zone = batch.course, batch.periods[0].grain, batch.course.zone
    others = f" (and {len(differences) - 1} more differences)" if len(differences) > 1 else ""
    return (
        f"The two engines disagree on {metric} version {version} of person {person_id} in course "
        f"{course.project}/{course.course_id}, {grain} from {start_at.astimezone(zone).isoformat()} ({zone.key}): "
        f"{what}{others}; nothing was stored. Recalculate the days of this period; if it stays, the SQL and the card "
        "contradict each other, and one of them has to be corrected."
    )
