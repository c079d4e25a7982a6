"""A what-if put in force, killed at any point and called again: the days and models of an unbroken one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from include.failpoints import VARIABLE
from include.registry.promotions import list_promotions
from include.registry.versions import find_production
from include.visits.scoring.score_day import SCORE_FAILPOINTS
from include.visits.what_if.applying import APPLY_FAILPOINTS
from include.visits.what_if.proposal import Proposal
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.what_if_days import DESKTOP, MOBILE, Trials, scored, trials
from tests.what_if_process import apply_and_die, ask_and_die

__all__ = ["loaded", "migrated", "score", "scored", "state", "trials", "visit_environ", "warehouse"]

REGISTRY_FAILPOINTS = (
    "registry.artefact_written", "registry.artefact_published", "registry.row_written", "registry.promoted",
)  # fmt: skip
POINTS = (
    *APPLY_FAILPOINTS,
    "what_if.promoted:2",
    "what_if.day_scored:2",
    *REGISTRY_FAILPOINTS,
    *SCORE_FAILPOINTS,
)
PROPOSAL = Proposal(thresholds={DESKTOP: 0.15, MOBILE: 0.35})


@pytest.fixture
def second(scored: LoadedDay, score: Any) -> LoadedDay:
    """The day after, scored too."""
    day = LoadedDay(scored.warehouse, scored.state, scored.counter_id, scored.day + dt.timedelta(days=1))
    day.seal()
    score(day)
    return day


class TestApplyingKilled:
    @pytest.mark.parametrize("point", POINTS)
    def test_should_finish_when_it_was_killed_at(
        self,
        scored: LoadedDay,
        second: LoadedDay,
        trials: Trials,
        score: Any,
        visit_environ: dict[str, str],
        tmp_path: Path,
        point: str,
    ) -> None:
        asked = trials.ask(scored, PROPOSAL, days=(scored.day, second.day))
        assert apply_and_die({**visit_environ, VARIABLE: point}, asked.what_if_id, tmp_path)
        applied = trials.apply(asked)
        assert applied.applied_by == "tester"
        versions = {name: find_production(trials.state, name) for name in (DESKTOP, MOBILE)}
        assert {name: found.version for name, found in versions.items() if found} == {
            model.name: model.version for model in asked.models
        }
        for day, shown in zip((scored, second), asked.summary["days"], strict=True):
            report = score(day)
            assert (report.digest, report.unchanged) == (shown["trial_digest"], True)

    def test_should_promote_once_when_it_was_killed_after_promoting(
        self, scored: LoadedDay, trials: Trials, visit_environ: dict[str, str], tmp_path: Path
    ) -> None:
        asked = trials.ask(scored, PROPOSAL)
        before = len(list_promotions(trials.state))
        apply_and_die({**visit_environ, VARIABLE: "what_if.scored"}, asked.what_if_id, tmp_path)
        trials.apply(asked)
        assert len(list_promotions(trials.state)) == before + 2


class TestAskingKilled:
    @pytest.mark.parametrize("point", ["score.block_asked", "score.probabilities_staged", "what_if.day_tried"])
    def test_should_answer_as_if_nothing_had_been_when_it_was_killed_at(
        self,
        scored: LoadedDay,
        trials: Trials,
        warehouse: Any,
        visit_environ: dict[str, str],
        tmp_path: Path,
        point: str,
    ) -> None:
        before = scored.rows("visit_scores")
        environ = {**visit_environ, VARIABLE: point}
        assert ask_and_die(environ, scored.counter_id, scored.day, dict(PROPOSAL.thresholds), tmp_path)
        total = trials.ask(scored, PROPOSAL).summary["total"]
        assert (total["added"], total["removed"], scored.rows("visit_scores")) == (1, 1, before)
        left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, '_stage_') > 0"
        assert warehouse.scalar(left) == 0
