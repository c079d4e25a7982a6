"""Who writes values, when, why, and what has to be right before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from include.metrics.periods.grains import Period
from include.metrics.storing.causes import Cause
from include.metrics.values.computing import ValueRow


@dataclass(frozen=True)
class Writing:
    """How the values of one batch are to be written.

    Attributes:
        run_id: the run that calculated them.
        now: aware; periods are open, provisional or closed at this instant.
        grace_hours: how long after its end a period may change without a restatement.
        causes: why each period of the batch is calculated.
        person_ids: people of the sample.
        check: looks at all rows of the people of the sample before anything is written; raises to prevent it.
    """

    run_id: str
    now: dt.datetime
    grace_hours: float
    causes: Mapping[Period, Cause]
    person_ids: Sequence[str]
    check: Callable[[list[ValueRow]], object]


@dataclass(frozen=True)
class StoredReport:
    """What writing one batch did.

    Attributes:
        slices: slices of the batch.
        new_slices: of them, calculated for the first time.
        values: values they hold now.
        changed: rows written, changed or removed; the others were left alone.
        restated: changed values of closed periods.
        vanished: people who are no longer in a slice.
    """

    slices: int = 0
    new_slices: int = 0
    values: int = 0
    changed: int = 0
    restated: int = 0
    vanished: int = 0

    def __add__(self, other: StoredReport) -> StoredReport:
        """Both together."""
        return StoredReport(
            self.slices + other.slices,
            self.new_slices + other.new_slices,
            self.values + other.values,
            self.changed + other.changed,
            self.restated + other.restated,
            self.vanished + other.vanished,
        )
