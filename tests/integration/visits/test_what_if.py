"""Asking what another model or threshold would have decided: counts, value, notes, lists, and that nothing changes."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from include.errors import DayNotReady, InputError, StoreConflict
from include.registry.versions import list_versions
from include.visits.what_if.change_list import COLUMNS, change_file
from include.visits.what_if.day_table import day_rows, describe, markdown
from include.visits.what_if.proposal import Proposal
from include.visits.what_if.records import list_what_ifs, read_what_if
from tests.visit_days import LoadedDay, loaded, migrated, score, state, visit_environ, warehouse
from tests.what_if_days import DESKTOP, MOBILE, scored, trials

__all__ = ["loaded", "migrated", "score", "scored", "state", "trials", "visit_environ", "warehouse"]

LOWER = Proposal(thresholds={DESKTOP: 0.15})
HIGHER = Proposal(thresholds={DESKTOP: 0.35})


def counts(asked) -> tuple[int, ...]:
    return tuple(asked.summary["total"][name] for name in ("before", "after", "kept", "added", "removed"))


class TestCounts:
    @pytest.mark.parametrize(
        ("thresholds", "expected"),
        [
            ({DESKTOP: 0.15}, (5, 6, 5, 1, 0)),
            ({DESKTOP: 0.35}, (5, 4, 4, 0, 1)),
            ({DESKTOP: 0.25}, (5, 5, 5, 0, 0)),
            ({DESKTOP: 0.0, MOBILE: 1.0}, (5, 5, 3, 2, 2)),
        ],
    )
    def test_should_split_visits_when_a_threshold_moves(self, scored, trials, thresholds, expected) -> None:
        assert counts(trials.ask(scored, Proposal(thresholds=thresholds))) == expected

    def test_should_decide_by_the_candidate_when_a_version_is_named(self, scored, trials) -> None:
        candidate = trials.register(DESKTOP, 0.25, scale=20.0)  # probabilities half as high: 4 slots give 0.2
        assert counts(trials.ask(scored, Proposal({DESKTOP: candidate.version}))) == (5, 3, 3, 0, 2)

    def test_should_take_the_threshold_with_the_version_when_both_are_given(self, scored, trials) -> None:
        candidate = trials.register(DESKTOP, 0.25, scale=20.0)
        proposal = Proposal({DESKTOP: candidate.version}, {DESKTOP: 0.12})
        assert counts(trials.ask(scored, proposal)) == (5, 5, 5, 0, 0)

    def test_should_name_device_and_reasons_of_each_group(self, scored, trials) -> None:
        groups = trials.ask(scored, LOWER).summary["days"][0]["groups"]
        added = [group for group in groups if group["change"] == "added"]
        assert added == [
            {
                "device": "desktop",
                "change": "added",
                "old_reason": "below_threshold",
                "new_reason": "model",
                "visits": 1,
            }
        ]

    def test_should_count_by_day_when_a_range_is_asked(self, scored, trials, score) -> None:
        second = LoadedDay(scored.warehouse, scored.state, scored.counter_id, scored.day + dt.timedelta(days=1))
        second.store()
        score(second)
        asked = trials.ask(scored, LOWER, days=(scored.day, second.day))
        assert [(day["before"], day["after"]) for day in asked.summary["days"]] == [(5, 6), (0, 0)]


class TestShadow:
    def test_should_leave_scores_and_registry_alone(self, scored, trials, warehouse, state) -> None:
        scores, versions = scored.rows("visit_scores"), list_versions(state)
        trials.ask(scored, LOWER)
        assert (scored.rows("visit_scores"), list_versions(state)) == (scores, versions)

    def test_should_leave_no_staging_table(self, scored, trials, warehouse) -> None:
        trials.ask(scored, LOWER)
        left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, '_stage_') > 0"
        assert warehouse.scalar(left) == 0

    def test_should_have_the_same_id_and_counts_when_asked_again(self, scored, trials, state) -> None:
        first, again = trials.ask(scored, LOWER), trials.ask(scored, LOWER, run_id="other")
        assert (first.what_if_id, counts(first)) == (again.what_if_id, counts(again))
        assert len(list_what_ifs(state, [scored.counter_id])) == 1

    def test_should_have_another_id_when_the_proposal_differs(self, scored, trials) -> None:
        assert trials.ask(scored, LOWER).what_if_id != trials.ask(scored, HIGHER).what_if_id

    def test_should_be_stored_as_it_was_answered(self, scored, trials, state) -> None:
        asked = trials.ask(scored, LOWER)
        assert read_what_if(state, asked.what_if_id) == asked


class TestOldScores:
    def test_should_say_nothing_when_the_scores_are_current(self, scored, trials) -> None:
        assert trials.ask(scored, LOWER).summary["days"][0]["note"] == ""

    def test_should_say_so_and_measure_again_when_the_day_was_loaded_since(self, scored, trials) -> None:
        scored.add_visit([0, 15])  # 2 slots: level 4+ with the lower threshold only
        scored.store()
        asked = trials.ask(scored, LOWER)
        assert asked.summary["days"][0]["note"].endswith("loaded again since.")
        assert counts(asked) == (5, 7, 5, 2, 0)

    def test_should_name_the_models_when_others_serve_now(self, scored, trials, state) -> None:
        trials.serve(DESKTOP, 0.9)
        assert "not with what is in production now" in trials.ask(scored, LOWER).summary["days"][0]["note"]

    def test_should_call_a_visit_removed_when_the_day_has_lost_it(self, scored, trials) -> None:
        scored.visits = [visit for visit in scored.visits if visit["page_views"] != 4]
        scored.store()
        asked = trials.ask(scored, HIGHER)
        groups = asked.summary["days"][0]["groups"]
        assert {group["new_reason"] for group in groups if group["change"] == "removed"} == {"", "below_threshold"}


class TestValue:
    def test_should_only_count_when_visits_carry_no_value(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        assert (asked.summary["value_source"], asked.summary["total"]["value"]) == ("none", {})

    def test_should_multiply_when_a_value_per_visit_is_given(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER, value_per_visit=12.5)
        assert asked.summary["total"]["value"] == {
            "kept": 62.5, "added": 12.5, "removed": 0.0, "before": 62.5, "after": 75.0
        }  # fmt: skip


@pytest.fixture
def shop(loaded, trials, score, warehouse) -> LoadedDay:
    """Three desktop visits of 1 to 3 slots with purchases and goals."""
    for column in ("purchase_revenues Array(Float64)", "purchase_currencies Array(String)", "goal_values Array(Int64)"):
        warehouse.execute(f"ALTER TABLE visits ADD COLUMN IF NOT EXISTS {column}")
    trials.serve(DESKTOP, 0.25)
    for slots in (1, 2, 3):
        loaded.add_visit(
            [15 * slot for slot in range(slots)],
            purchase_revenues=[10.1] * slots,
            purchase_currencies=["RUB"] * slots,
            goal_values=[7_005] * slots,
        )
    loaded.store()
    score(loaded)
    return loaded


class TestCarriedValue:
    def test_should_sum_the_revenue_when_visits_have_some(self, shop, trials) -> None:
        asked = trials.ask(shop, LOWER, value_per_visit=1000)
        assert (asked.summary["value_source"], asked.summary["value_note"]) == ("purchase_revenue", "In RUB.")
        value = asked.summary["total"]["value"]
        assert (value["added"], value["kept"], value["after"]) == (20.2, 30.3, 50.5)

    def test_should_sum_goals_when_there_is_no_revenue(self, shop, trials, score) -> None:
        for visit in shop.visits:
            visit["purchase_revenues"] = []
        shop.store()
        asked = trials.ask(shop, LOWER)
        assert (asked.summary["value_source"], asked.summary["total"]["value"]["added"]) == ("goal_value", 14.01)

    def test_should_not_add_up_currencies_when_there_are_several(self, shop, trials) -> None:
        shop.visits[0]["purchase_currencies"] = ["EUR"]
        shop.store()
        asked = trials.ask(shop, LOWER)
        assert asked.summary["value_source"] == "goal_value"
        assert "EUR, RUB" in asked.summary["value_note"]


class TestConversions:
    def test_should_count_what_can_be_sent_when_visits_are_recent(self, scored, trials) -> None:
        soon = dt.datetime(2025, 7, 3, tzinfo=dt.UTC)
        assert trials.ask(scored, LOWER, now=soon).summary["total"]["sendable"] == 1

    def test_should_say_too_old_when_the_21_days_are_over(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER, now=dt.datetime(2025, 7, 30, tzinfo=dt.UTC))
        assert asked.summary["days"][0]["conversions"]["added"] == {"outside_match_window": 1}

    def test_should_say_that_nothing_was_sent_when_removed_visits_were_not(self, scored, trials) -> None:
        asked = trials.ask(scored, HIGHER)
        assert asked.summary["days"][0]["conversions"]["removed"] == {"not_sent": 1}


class TestLists:
    def test_should_give_every_changed_visit_with_both_sides(self, scored, trials) -> None:
        rows = []
        trials.ask(scored, Proposal(thresholds={DESKTOP: 0.0, MOBILE: 1.0}), changes=rows.append)
        assert [tuple(row) for row in rows] == [COLUMNS] * 4
        picked = [(row["device"], row["change"], row["old_score"], row["new_threshold"]) for row in rows]
        assert sorted(picked) == [
            ("desktop", "added", 0.1, 0.0), ("desktop", "added", 0.2, 0.0),
            ("mobile", "removed", 0.3, 1.0), ("mobile", "removed", 0.4, 1.0),
        ]  # fmt: skip

    def test_should_write_them_as_csv(self, scored, trials, tmp_path: Path) -> None:
        with change_file(tmp_path / "changes.csv") as write:
            trials.ask(scored, LOWER, changes=write)
        with (tmp_path / "changes.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [(row["change"], row["old_reason"], row["new_reason"], row["value"]) for row in rows] == [
            ("added", "below_threshold", "model", "")
        ]

    def test_should_leave_no_file_when_the_question_fails(self, scored, trials, tmp_path: Path) -> None:
        with pytest.raises(InputError), change_file(tmp_path / "changes.csv") as write:
            trials.ask(scored, Proposal({DESKTOP: "nothing"}), changes=write)
        assert list(tmp_path.glob("*.csv*")) + list(tmp_path.glob(".*")) == []

    def test_should_refuse_the_file_when_its_folder_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be written"), change_file(tmp_path / "none" / "changes.csv"):
            pass


class TestTable:
    def test_should_have_a_row_per_day_and_one_for_all(self, scored, trials) -> None:
        rows = day_rows(trials.ask(scored, LOWER, value_per_visit=2))
        assert [row["day"] for row in rows] == ["2025-07-01", "all days"]
        assert (rows[1]["added"], rows[1]["value"]) == (1, "10 > 12")

    def test_should_name_both_versions_when_described(self, scored, trials) -> None:
        asked = trials.ask(scored, LOWER)
        model = asked.models[0]
        assert describe(asked)[0] == (
            f"level4_desktop: {model.replaces} -> {model.version} (artefact of {model.base_version}), threshold 0.15."
        )

    def test_should_be_a_markdown_table(self, scored, trials) -> None:
        lines = markdown([trials.ask(scored, LOWER)]).splitlines()
        assert lines[0] == f"### Counter {scored.counter_id}, 2025-07-01 to 2025-07-01"
        assert lines[-1] == "| all days | 5 | 6 | 1 | 0 | 5 | 0 | 0 |"


class TestWrongQuestions:
    def test_should_name_the_days_when_some_are_not_scored(self, scored, trials) -> None:
        missing = scored.day + dt.timedelta(days=1)
        with pytest.raises(DayNotReady, match=f"{missing} of counter {scored.counter_id}"):
            trials.ask(scored, LOWER, days=(scored.day, missing))

    def test_should_refuse_a_version_that_nobody_registered(self, scored, trials) -> None:
        with pytest.raises(InputError, match="is not registered"):
            trials.ask(scored, Proposal({DESKTOP: "nothing"}))

    def test_should_refuse_a_threshold_when_the_device_has_no_model(self, loaded, trials, score) -> None:
        loaded.store()
        score(loaded)
        with pytest.raises(InputError, match="No version of level4_mobile is in production"):
            trials.ask(loaded, Proposal(thresholds={MOBILE: 0.5}))

    @pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
    def test_should_refuse_a_value_that_is_none(self, scored, trials, value: float) -> None:
        with pytest.raises(InputError, match="The value of a visit"):
            trials.ask(scored, LOWER, value_per_visit=value)

    @pytest.mark.parametrize("wrong", ["nothing", "0c6f0f7e-1de5-5a38-a2f4-6c8f4f4a1f60"])
    def test_should_refuse_an_unknown_id(self, state, wrong: str) -> None:
        with pytest.raises(InputError, match="There is no what-if"):
            read_what_if(state, wrong)

    def test_should_stop_when_stored_scores_are_not_those_of_the_manifest(self, scored, trials, warehouse) -> None:
        warehouse.execute(
            "ALTER TABLE visit_scores DROP PARTITION (%(counter_id)s, %(day)s)",
            {"counter_id": scored.counter_id, "day": scored.day.isoformat()},
        )
        with pytest.raises(StoreConflict, match="are not those of its manifest"):
            trials.ask(scored, LOWER)
