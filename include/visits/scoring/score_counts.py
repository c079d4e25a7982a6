"""Counting a decided day: nothing lost, nothing doubled, flagged share per device and reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from include.errors import StoreConflict
from include.visits.deciding.decision import BELOW_THRESHOLD, MODEL, REASONS, RULE, is_level4
from include.visits.devices import DEVICE_NAMES, OTHER_DEVICE
from include.warehouse.client import Warehouse, quoted


@dataclass(frozen=True)
class DayCounts:
    """Counts of a decided day.

    Attributes:
        visits: visits stored for the day.
        measured: of them, with features.
        scored: of them, decided.
        distinct: distinct visit ids among the decided.
        hits: hits matched to the day's visits.
        join_disagreements: visits whose watch ids and visit ids name different hits.
        reasons: visits by reason.
        flagged: per device ``visits``, ``level4``, ``flagged_share`` (0-1) and visits by reason.
    """

    visits: int
    measured: int
    scored: int
    distinct: int
    hits: int
    join_disagreements: int
    reasons: dict[str, int]
    flagged: dict[str, dict[str, Any]]

    @property
    def level4(self) -> int:
        """Visits of level 4 or higher."""
        return self.reasons[RULE] + self.reasons[MODEL]

    @property
    def asked(self) -> int:
        """Visits a model was asked about."""
        return self.reasons[MODEL] + self.reasons[BELOW_THRESHOLD]

    def as_dict(self) -> dict[str, Any]:
        """The counts for the day manifest."""
        return {**asdict(self), "level4": self.level4}


def count_day(warehouse: Warehouse, *, features: str, scores: str, counter_id: int, day: dt.date) -> DayCounts:
    """Count a day that has been measured and decided.

    Args:
        warehouse: the warehouse, with ``visits`` of the day.
        features: table or staging table with the features.
        scores: table or staging table with the decisions.
        counter_id: the counter.
        day: the day.

    Returns:
        The counts.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    key = {"counter_id": counter_id, "day": day}
    of_day = "WHERE counter_id = %(counter_id)s AND date = %(day)s"
    visits = int(warehouse.scalar(f"SELECT count() FROM visits {of_day}", key))
    measured, hits, disagreements = warehouse.execute(
        f"SELECT count(), sum(hit_count), sum(join_disagrees) FROM {quoted(features)} {of_day}", key
    )[0]
    distinct = int(warehouse.scalar(f"SELECT uniqExact(visit_id) FROM {quoted(scores)} {of_day}", key))
    groups = warehouse.execute(
        f"SELECT device_category, reason, count() FROM {quoted(scores)} {of_day} GROUP BY device_category, reason",
        key,
    )
    reasons = {reason: sum(n for _, name, n in groups if name == reason) for reason in REASONS}
    scored = sum(n for *_, n in groups)
    return DayCounts(visits, measured, scored, distinct, hits, disagreements, reasons, _flagged(groups))


def require_conserved(counts: DayCounts, *, asked: int, counter_id: int, day: dt.date) -> None:
    """Refuse a day whose counts do not add up.

    Args:
        counts: the counts.
        asked: visits the models were really asked about.
        counter_id: the counter.
        day: the day.

    Raises:
        StoreConflict: a visit is missing, doubled, undecided, or was decided without its model's answer.
    """
    by_reason = sum(counts.reasons.values())
    if not counts.visits == counts.measured == counts.scored == counts.distinct == by_reason:
        raise StoreConflict(
            f"Day {day} of counter {counter_id} does not add up: {counts.visits} visits, {counts.measured} measured, "
            f"{counts.scored} decided, {counts.distinct} distinct, {by_reason} with a known reason; load it again, "
            "then score it."
        )
    if counts.asked != asked:
        raise StoreConflict(
            f"Models answered about {asked} visits of day {day} of counter {counter_id} but {counts.asked} were to be "
            "decided by one; run score again."
        )


def _flagged(groups: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    devices: dict[str, dict[str, Any]] = {}
    for category, reason, count in sorted(groups):
        name = DEVICE_NAMES.get(category, OTHER_DEVICE)
        device = devices.setdefault(name, {"visits": 0, "level4": 0, "flagged_share": 0.0})
        device["visits"] += count
        device["level4"] += count if is_level4(reason) else 0
        device[reason] = device.get(reason, 0) + count
        device["flagged_share"] = round(device["level4"] / device["visits"], 6)
    return devices
