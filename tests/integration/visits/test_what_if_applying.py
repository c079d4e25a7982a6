"""Putting an answer in force: bit for bit what was shown and what a fresh run gives, or refused."""

from __future__ import annotations

import pytest

from include.errors import InputError
from include.registry.promotions import list_promotions, promote
from include.registry.versions import find_production
from include.visits.what_if.applying import require_applicable
from include.visits.what_if.proposal import Proposal
from include.visits.what_if.records import read_what_if
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.what_if_days import DESKTOP, MOBILE, scored, trials

__all__ = ["loaded", "migrated", "score", "scored", "state", "trials", "visit_environ", "warehouse"]

LOWER = Proposal(thresholds={DESKTOP: 0.15})


def contents(day: LoadedDay) -> list[list[dict[str, object]]]:
    return [[{**row, "counter_id": 0} for row in day.rows(table)] for table in ("visit_features", "visit_scores")]


class TestApply:
    def test_should_equal_a_fresh_run_with_the_new_models(self, scored, trials, score) -> None:
        candidate = trials.register(MOBILE, 0.1, scale=7.0)
        trials.apply(trials.ask(scored, Proposal({MOBILE: candidate.version}, {DESKTOP: 0.15})))
        fresh = scored.twin()
        fresh.store()
        score(fresh)
        assert contents(scored) == contents(fresh)

    def test_should_store_the_scores_that_were_shown(self, scored, trials, score) -> None:
        asked = trials.ask(scored, LOWER)
        trials.apply(asked)
        again = score(scored)
        assert (again.digest, again.unchanged) == (asked.summary["days"][0]["trial_digest"], True)

    def test_should_promote_the_new_threshold_as_a_version_of_its_own(self, scored, trials, state) -> None:
        before = find_production(state, DESKTOP)
        asked = trials.apply(trials.ask(scored, LOWER))
        after = find_production(state, DESKTOP)
        assert before is not None
        assert after is not None
        assert (after.sha256, after.threshold, after.version) == (before.sha256, 0.15, asked.models[0].version)
        assert after.manifest["based_on"] == before.version

    def test_should_write_the_cause_into_the_history(self, scored, trials, state) -> None:
        trials.apply(trials.ask(scored, LOWER))
        newest = max(list_promotions(state, DESKTOP), key=lambda one: one.promotion_id)
        assert (newest.cause, newest.run_id) == ("what_if", "apply")

    def test_should_say_who_and_when(self, scored, trials, state) -> None:
        applied = trials.apply(trials.ask(scored, LOWER))
        assert (applied.applied_by, applied.applied_at is not None) == ("tester", True)
        assert read_what_if(state, applied.what_if_id) == applied

    def test_should_find_nothing_left_to_change_when_asked_after(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        trials.apply(asked)
        again = trials.ask(scored, LOWER)
        total = again.summary["total"]
        assert (total["added"], total["removed"], again.what_if_id != asked.what_if_id) == (0, 0, True)

    def test_should_apply_both_counters_when_they_were_asked_together(self, scored, trials, score) -> None:
        other = scored.twin()
        other.store()
        score(other)
        answers = [trials.ask(day, LOWER) for day in (scored, other)]
        for answer in answers:
            trials.apply(answer)
        assert contents(scored) == contents(other)

    def test_should_be_a_new_question_when_it_was_undone(self, scored, trials, score, state) -> None:
        before = find_production(state, DESKTOP)
        assert before is not None
        asked = trials.apply(trials.ask(scored, LOWER))
        promote(state, DESKTOP, before.version, cause="rollback")
        score(scored)
        again = trials.ask(scored, LOWER)
        assert (again.what_if_id != asked.what_if_id, again.applied_at) == (True, None)
        assert trials.apply(again, run_id="second").applied_run_id == "second"


class TestRefusals:
    def test_should_refuse_when_it_was_applied_before(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        trials.apply(asked)
        with pytest.raises(InputError, match=r"was applied on .* by tester") as caught:
            trials.apply(asked, run_id="somebody else")
        assert caught.value.code == "already_applied"

    def test_should_have_nothing_to_do_when_the_same_run_repeats_itself(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        assert trials.apply(asked) == trials.apply(asked)

    def test_should_refuse_when_the_day_was_loaded_since(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        scored.add_visit([0, 15])
        scored.store()
        with pytest.raises(InputError, match="has been loaded again since") as caught:
            trials.apply(asked)
        assert caught.value.code == "what_if_stale"

    def test_should_refuse_when_the_day_was_scored_otherwise_since(self, scored, trials, score, state) -> None:
        asked = trials.ask(scored, LOWER)
        before = find_production(state, DESKTOP)
        assert before is not None
        trials.serve(DESKTOP, 0.9)
        score(scored)
        promote(state, DESKTOP, before.version, cause="command")
        with pytest.raises(InputError, match="has been scored otherwise since"):
            trials.apply(asked)

    @pytest.mark.parametrize("name", [DESKTOP, MOBILE])
    def test_should_refuse_when_another_version_serves_since(self, scored, trials, name: str) -> None:
        asked = trials.ask(scored, LOWER)
        trials.serve(name, 0.9)
        with pytest.raises(InputError, match=f"another version of {name}"):
            trials.apply(asked)

    def test_should_leave_models_alone_when_it_is_refused(self, scored, trials, state) -> None:
        asked = trials.ask(scored, LOWER)
        served = find_production(state, DESKTOP)
        scored.seal_as("other")
        with pytest.raises(InputError):
            trials.apply(asked)
        assert find_production(state, DESKTOP) == served

    def test_should_refuse_before_anybody_is_asked(self, scored, trials, state, tmp_path) -> None:
        asked = trials.apply(trials.ask(scored, LOWER))
        with pytest.raises(InputError, match="was applied"):
            require_applicable(state, tmp_path / "models", asked)
