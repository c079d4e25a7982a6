"""What is known about each person in each period, in one form for all metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from include.metrics.periods.grains import Period

KEY = ["period", "person_id"]
FIGURES = ("value", "numerator", "denominator", "sample_n", "null_reason", "by_timeout")
MS_PER_SECOND = 1000


@dataclass(frozen=True)
class Case:
    """Everything a formula may look at.

    Attributes:
        history: all events of some persons in one course, in order.
        inside: those in the periods.
        periods: ascending and disjoint, of one zone.
        parameters: of the metric's card.
        required: ids of required items; None or empty when nobody wrote them down.
        now_ms: the present, epoch milliseconds.
    """

    history: pd.DataFrame
    inside: pd.DataFrame
    periods: Sequence[Period]
    parameters: Mapping[str, Any]
    required: Sequence[str] | None
    now_ms: int

    @property
    def zone(self) -> ZoneInfo:
        """Zone of the days."""
        return self.periods[0].zone

    @property
    def timeout_ms(self) -> int:
        """The pause after which nobody is taken to be active."""
        return int(self.parameters["timeout_seconds"]) * MS_PER_SECOND

    def event_counts(self) -> pd.Series[int]:
        """Events of each person in each period; its index is everybody who gets a row."""
        return self.inside.groupby(KEY).size()

    def sums(self, amounts: pd.Series[Any]) -> pd.Series[Any]:
        """Add up amounts per event to sums per period and person.

        Args:
            amounts: one per event of ``inside``.

        Returns:
            One sum per period and person.
        """
        return amounts.groupby([self.inside[name] for name in KEY]).sum()


def amounts(value: pd.Series[Any], sample_n: pd.Series[int]) -> pd.DataFrame:
    """Figures that are no ratio.

    Args:
        value: by period and person.
        sample_n: by period and person.

    Returns:
        Columns ``FIGURES``.
    """
    return _figures(value=value.astype(float), numerator=float("nan"), denominator=float("nan"), sample_n=sample_n)


def ratios(
    numerator: pd.Series[Any],
    denominator: pd.Series[Any],
    sample_n: pd.Series[int],
    *,
    null_reason: str = "",
    unit: int = 1,
) -> pd.DataFrame:
    """Figures that are ratios.

    Args:
        numerator: whole numbers by period and person.
        denominator: whole numbers by period and person.
        sample_n: by period and person.
        null_reason: why a ratio to nothing is unknown; empty when it is 0 instead, as in version 1.
        unit: how many of the numbers make one stored unit, 1000 for milliseconds kept as seconds.

    Returns:
        Columns ``FIGURES``.
    """
    is_known = denominator > 0
    found = _figures(
        value=numerator / denominator.where(is_known),
        numerator=numerator / unit,
        denominator=denominator / unit,
        sample_n=sample_n,
    )
    if null_reason:
        found.loc[~is_known, ["numerator", "denominator"]] = float("nan")
        found.loc[~is_known, "null_reason"] = null_reason
    else:
        found["value"] = found["value"].fillna(0.0)
    return found


def _figures(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({**columns, "null_reason": "", "by_timeout": None})[list(FIGURES)]
