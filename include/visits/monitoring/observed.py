"""Labels that have come, read beside the scores they belong to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.visits.labels.tables import TABLES as LABEL_TABLES
from include.visits.monitoring.calibrating import Calibration, Sums, exact_interval, measure_calibration, total_of
from include.visits.monitoring.comparing import short
from include.visits.monitoring.drift import query
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables

WINDOW_DAYS = 28  # the day and the four weeks it ends
MARGIN = 0.02  # how far the threshold is moved in thought


@dataclass(frozen=True)
class Observed:
    """A device model against the labels of one source.

    Attributes:
        device: device name.
        version: the model's version.
        source: where the labels come from; empty when there are none.
        asked: visits of the window that the model was asked about.
        unlabelled: of them, without a label of this source.
        calibration: what the labels say.
    """

    device: str
    version: str
    source: str
    asked: int
    unlabelled: int
    calibration: Calibration = field(default_factory=lambda: Calibration(0))


@dataclass(frozen=True)
class Margin:
    """How many decisions of a day hang on a little.

    Attributes:
        device: device name.
        version: the model's version.
        threshold: the score had to be above it.
        asked: visits the model was asked about.
        flagged: of them, level 4+.
        lost: of them, no more so were the threshold 0.02 higher.
        won: not level 4+, but so were it 0.02 lower.
        share: lost and won together, share of asked.
        low: lower end of the exact 95 % interval of that share.
        high: its upper end.
    """

    device: str
    version: str
    threshold: float
    asked: int
    flagged: int
    lost: int
    won: int
    share: float
    low: float
    high: float


def first_day_of_window(day: dt.date) -> dt.date:
    """First day whose labels are looked at."""
    return day - dt.timedelta(days=WINDOW_DAYS - 1)


def labels_digest(warehouse: Warehouse, counter_id: int, day: dt.date) -> str:
    """What is known of the labels of the window, as one word.

    Args:
        warehouse: the warehouse; the table of labels is made when missing.
        counter_id: the counter.
        day: last day of the window.

    Returns:
        Count and sum of hashes.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    ensure_tables(warehouse, LABEL_TABLES)
    count, total = warehouse.execute(query("labels_seen"), _window(counter_id, day))[0]
    return f"{count}-{total}"


def read_observed(warehouse: Warehouse, counter_id: int, day: dt.date) -> list[Observed]:
    """Compare promised and observed shares over the window that ends with a day.

    Args:
        warehouse: with ``visit_scores`` and ``visit_labels``.
        counter_id: the counter.
        day: last day of the window.

    Returns:
        One entry per device model and source of labels; one without a source where no label has come.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    window = _window(counter_id, day)
    cells: dict[tuple[str, str], dict[str, list[tuple[int, int, Sums]]]] = {}
    for device, version, source, band, decile, *sums in warehouse.execute(query("observed"), window):
        of_model = cells.setdefault((device, version), {})
        of_model.setdefault(source, []).append((int(band), int(decile) + 1, Sums(*sums)))
    found = []
    for device, version, asked in warehouse.execute(query("asked"), window):
        name = DEVICE_NAMES.get(device, OTHER_DEVICE)
        sources = cells.get((device, version), {})
        found += [_observed(name, version, source, int(asked), one) for source, one in sorted(sources.items())]
        if not sources:
            found.append(Observed(name, version, "", int(asked), int(asked)))
    return found


def read_margins(warehouse: Warehouse, counter_id: int, day: dt.date) -> list[Margin]:
    """Count the decisions that a slightly moved threshold would turn.

    Args:
        warehouse: with ``visit_scores``.
        counter_id: the counter.
        day: the scored day.

    Returns:
        One entry per device model.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    values = {"counter_id": counter_id, "day": day, "margin": MARGIN}
    return [
        Margin(
            DEVICE_NAMES.get(device, OTHER_DEVICE), version, float(threshold), asked, flagged, lost, won,
            short((lost + won) / asked), *exact_interval(lost + won, asked),
        )
        for device, version, threshold, asked, flagged, lost, won in warehouse.execute(
            query("threshold_margin"), values
        )
    ]  # fmt: skip


def _observed(name: str, version: str, source: str, asked: int, cells: Sequence[tuple[int, int, Sums]]) -> Observed:
    bands = [total for _, total in _added((band, one) for band, _, one in cells)]
    calibration = measure_calibration(bands, _added((decile, one) for _, decile, one in cells))
    return Observed(name, version, source, asked, asked - calibration.visits, calibration)


def _added(parts: Iterable[tuple[int, Sums]]) -> list[tuple[int, Sums]]:
    grouped: dict[int, list[Sums]] = {}
    for number, one in parts:
        grouped.setdefault(number, []).append(one)
    return [(number, total_of(ones)) for number, ones in sorted(grouped.items())]


def _window(counter_id: int, day: dt.date) -> dict[str, object]:
    return {"counter_id": counter_id, "first_day": first_day_of_window(day), "day": day}
