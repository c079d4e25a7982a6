"""What labels say: how many, of which devices, and whether sources agree."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.visits.labels.store_labels import read_sql
from include.warehouse.client import Warehouse, quoted

Days = Sequence[tuple[int, dt.date]]


@dataclass(frozen=True)
class DeviceBalance:
    """Labels of one device category.

    Attributes:
        device: desktop, mobile, tablet, tv or unknown.
        labelled: visits with a label.
        positive: of them level 4+.
        positive_share: their share, 0-1.
    """

    device: str
    labelled: int
    positive: int
    positive_share: float


@dataclass(frozen=True)
class Overlap:
    """Two sources on the visits that both label.

    Attributes:
        sources: their names.
        visits: visits that both label.
        agreement_share: share (0-1) on which they say the same.
        kappa: Cohen's kappa, agreement beyond chance; None when chance alone explains everything.
    """

    sources: tuple[str, str]
    visits: int
    agreement_share: float
    kappa: float | None


@dataclass(frozen=True)
class LabelReport:
    """What an import of labels did.

    Attributes:
        source: name under which the labels are kept.
        rows: lines of the file; for a goal, visits looked at.
        matched: visits that got a label.
        positive, negative: of them.
        pending: visits whose outcome is not known yet; they got no negative label.
        early: positive visits whose window is still open; training leaves them out until it is over.
        duplicates: further lines with the same visit and value, or further events.
        unknown: visits of the file that are not stored.
        unknown_ids: their ids, in the order of the file.
        without_hits: labelled visits without a stored hit; training leaves them out.
        days: counter-days with labels.
        changed_days: of them with anything new.
        devices: class balance by device.
        overlap: agreement with other sources on these days.
    """

    source: str
    matched: int
    positive: int
    negative: int
    without_hits: int
    days: int
    devices: tuple[DeviceBalance, ...]
    overlap: tuple[Overlap, ...]
    rows: int = 0
    pending: int = 0
    early: int = 0
    duplicates: int = 0
    unknown_ids: tuple[str, ...] = ()
    changed_days: int = 0

    @property
    def unknown(self) -> int:
        """Visits of the file that are not stored."""
        return len(self.unknown_ids)

    def with_counts(self, **counts: Any) -> LabelReport:
        """The report with what only the import itself knows.

        Args:
            counts: values of attributes.

        Returns:
            A copy.
        """
        return replace(self, **counts)


def describe_labels(warehouse: Warehouse, found: str, source: str, days: Days) -> LabelReport:
    """Describe what an import found and how it fits to what other sources say.

    Args:
        warehouse: the warehouse, with the labels stored.
        found: staging table of ``found_labels``.
        source: whose labels.
        days: counter-days that were stored.

    Returns:
        The report, without the counts of the file.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    devices = _devices(warehouse, found, days) if days else ()
    labelled, positive = sum(d.labelled for d in devices), sum(d.positive for d in devices)
    return LabelReport(
        source=source,
        matched=labelled,
        positive=positive,
        negative=labelled - positive,
        without_hits=_without_hits(warehouse, found, days),
        days=len(days),
        devices=devices,
        overlap=overlaps(warehouse, days),
    )


def _devices(warehouse: Warehouse, found: str, days: Days) -> tuple[DeviceBalance, ...]:
    rows = warehouse.execute(
        "SELECT v.device_category, count(), sum(f.label) FROM "
        "(SELECT counter_id, date, visit_id, device_category FROM visits WHERE (counter_id, date) IN %(days)s) AS v "
        f"GLOBAL INNER JOIN (SELECT counter_id, date, visit_id, label FROM {quoted(found)}) AS f "
        "USING (counter_id, date, visit_id) GROUP BY 1",
        {"days": tuple(days)},
    )
    labelled: dict[str, int] = defaultdict(int)
    positive: dict[str, int] = defaultdict(int)
    for category, count, positives in rows:
        name = DEVICE_NAMES.get(category, OTHER_DEVICE)
        labelled[name] += int(count)
        positive[name] += int(positives)
    return tuple(
        DeviceBalance(name, labelled[name], positive[name], round(positive[name] / labelled[name], 6))
        for name in (*DEVICE_NAMES.values(), OTHER_DEVICE)
        if name in labelled
    )


def _without_hits(warehouse: Warehouse, found: str, days: Days) -> int:
    total = 0
    for counter_id in dict.fromkeys(counter_id for counter_id, _ in days):
        own = sorted(day for counter, day in days if counter == counter_id)
        hit_days = sorted({day + dt.timedelta(days=more) for day in own for more in (0, 1)})
        total += int(
            warehouse.scalar(
                read_sql("without_hits").format(found=quoted(found)),
                {"counter_id": counter_id, "days": tuple(own), "hit_days": tuple(hit_days)},
            )
        )
    return total


def overlaps(warehouse: Warehouse, days: Days) -> tuple[Overlap, ...]:
    """Hold each two sources against each other on the visits that both label.

    Args:
        warehouse: the warehouse.
        days: counter-days to look at.

    Returns:
        One entry per pair of sources that share a visit, by name.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    if not days:
        return ()
    labels = "(SELECT counter_id, date, visit_id, source, label FROM visit_labels WHERE (counter_id, date) IN %(days)s)"
    rows = warehouse.execute(
        "SELECT a.source AS one, b.source AS other, count(), sum(a.label = b.label), sum(a.label), sum(b.label) "
        f"FROM {labels} AS a GLOBAL INNER JOIN {labels} AS b USING (counter_id, date, visit_id) "
        "WHERE a.source < b.source GROUP BY one, other ORDER BY one, other",
        {"days": tuple(days)},
    )
    return tuple(
        Overlap((one, other), int(visits), round(same / visits, 6), kappa(visits, same, first, second))
        for one, other, visits, same, first, second in rows
    )


def kappa(visits: int, same: int, first: int, second: int) -> float | None:
    """Cohen's kappa of two raters who say 0 or 1.

    Args:
        visits: visits both rate, at least 1.
        same: of them rated alike.
        first: positive ratings of the first.
        second: positive ratings of the second.

    Returns:
        1 for full agreement, 0 for what chance gives; None when both say one and the same thing only.

    Source:
        Cohen: A coefficient of agreement for nominal scales (1960).

    >>> kappa(50, 35, 25, 30)
    0.4
    """
    by_chance = (first * second + (visits - first) * (visits - second)) / visits**2
    return None if by_chance == 1 else round((same / visits - by_chance) / (1 - by_chance), 6)
