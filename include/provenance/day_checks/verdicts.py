"""How a day and its stages stand, as verify-day says it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.provenance.conservation import Balance
from include.provenance.day_checks.findings import Finding

STAGES = ("visits", "hits", "scores", "upload")
HOLDS, DIFFERS, MISSING, BEHIND = "holds", "differs", "missing", "behind"


@dataclass(frozen=True)
class StageVerdict:
    """How one stage of a day stands.

    Attributes:
        stage: visits, hits, scores or upload.
        state: holds, differs, missing (has not run) or behind (an earlier stage has run again since).
        digest: its sealed digest, empty when missing.
        finished_at: when it ended; None when missing.
        findings: the first 20 differences.
        finding_count: all of them.
        next_step: what to run; empty when nothing is to do.
    """

    stage: str
    state: str
    digest: str = ""
    finished_at: dt.datetime | None = None
    findings: tuple[Finding, ...] = ()
    finding_count: int = 0
    next_step: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing of it differs."""
        return self.state != DIFFERS


@dataclass(frozen=True)
class DayVerdict:
    """How a counter-day stands.

    Attributes:
        counter_id: the counter.
        day: the day.
        stages: the four stages in order.
        balances: nothing lost, nothing twice.
        notes: what is no difference but worth knowing: other code, older seals, other zone.
        seal: digest of the day's seal; empty for days of older versions.
        duration_seconds: time taken.
    """

    counter_id: int
    day: dt.date
    stages: tuple[StageVerdict, ...]
    balances: tuple[Balance, ...]
    notes: tuple[str, ...]
    seal: str
    duration_seconds: float

    @property
    def holds(self) -> bool:
        """Whether nothing differs and every balance is 0."""
        return all(stage.holds for stage in self.stages) and not any(one.residual for one in self.balances)
