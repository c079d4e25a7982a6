"""What has to be calculated, each slice once, with the weightiest reason for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from include.metrics.names import Metric
from include.metrics.parts.touching import CAUSES_BY_STRENGTH
from include.metrics.periods.grains import Grain, Period
from include.metrics.storing.causes import Cause

CardKey = tuple[Metric, int]
"""Metric and version."""


@dataclass(frozen=True)
class Group:
    """Periods of one grain that want the same metrics.

    Attributes:
        grain: their grain.
        cards: metrics with versions, in the order of the catalogue.
        causes: why, by period, in the order of time.
    """

    grain: Grain
    cards: tuple[CardKey, ...]
    causes: dict[Period, Cause]


@dataclass
class Needs:
    """Slices to be calculated."""

    _causes: dict[tuple[Period, CardKey], Cause] = field(default_factory=dict)

    def __len__(self) -> int:
        """Slices."""
        return len(self._causes)

    def add(self, period: Period, cards: Iterable[CardKey], cause: Cause) -> None:
        """Ask for slices; asking twice is asking once.

        Args:
            period: their period.
            cards: metrics with versions; what is not produced for the grain is passed over.
            cause: why.
        """
        for card in cards:
            if is_produced(card, period.grain):
                before = self._causes.get((period, card))
                self._causes[period, card] = cause if before is None else merged(before, cause)

    @property
    def periods(self) -> tuple[Period, ...]:
        """Their periods, in the order of time."""
        return tuple(sorted({period for period, _ in self._causes}, key=_in_time))

    def groups(self) -> tuple[Group, ...]:
        """Put together what can be calculated together.

        Returns:
            Groups; days first, free periods last.
        """
        reasons: dict[tuple[Period, Cause], list[CardKey]] = defaultdict(list)
        for (period, card), cause in self._causes.items():
            reasons[period, cause].append(card)
        joined: dict[tuple[Grain, tuple[CardKey, ...]], dict[Period, Cause]] = defaultdict(dict)
        for (period, cause), cards in sorted(reasons.items(), key=lambda one: _in_time(one[0][0])):
            joined[period.grain, tuple(sorted(cards, key=_in_catalogue))][period] = cause
        grains = tuple(Grain)
        found = [Group(grain, cards, causes) for (grain, cards), causes in joined.items()]
        return tuple(sorted(found, key=lambda group: grains.index(group.grain)))


def is_produced(card: CardKey, grain: Grain) -> bool:
    """Whether a metric exists for a grain.

    Args:
        card: metric and version.
        grain: the grain.

    Returns:
        False for version 1 of retention of a day: nobody is active on two days of one.

    >>> is_produced((Metric.RETENTION, 1), Grain.DAY), is_produced((Metric.RETENTION, 1), Grain.WEEK)
    (False, True)
    """
    return not (card == (Metric.RETENTION, 1) and grain is Grain.DAY)


def merged(one: Cause, other: Cause) -> Cause:
    """Two reasons for the same slice.

    Args:
        one: a reason.
        other: another.

    Returns:
        The weightier cause, with the loads of both.

    >>> merged(Cause("day_closed"), Cause("late_data", (3,)))
    Cause(cause='late_data', load_ids=(3,))
    """
    cause = max(one.cause, other.cause, key=CAUSES_BY_STRENGTH.index)
    return Cause(cause, tuple(sorted({*one.load_ids, *other.load_ids})))


def _in_time(period: Period) -> tuple[object, ...]:
    return period.start_at, period.end_at, period.grain


def _in_catalogue(card: CardKey) -> tuple[int, int]:
    return tuple(Metric).index(card[0]), card[1]
