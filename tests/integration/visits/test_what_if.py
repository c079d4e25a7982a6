from __future__ import annotations

from include.visits.what_if.proposal import Proposal
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.what_if_days import DESKTOP, Trials, scored, trials

__all__ = ["loaded", "migrated", "score", "scored", "state", "trials", "visit_environ", "warehouse"]


def counts(asked) -> tuple[int, ...]:
    return tuple(asked.summary["total"][name] for name in ("before", "after", "kept", "added", "removed"))


class TestAsk:
    def test_should_add_visits_when_the_threshold_falls(self, scored: LoadedDay, trials: Trials) -> None:
        assert counts(trials.ask(scored, Proposal(thresholds={DESKTOP: 0.15}))) == (5, 6, 5, 1, 0)
