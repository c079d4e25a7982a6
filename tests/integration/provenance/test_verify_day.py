"""A day that nobody touched holds; every planted change is found, named, and alone blamed."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.conversions.linkage import retry_linkage
from include.errors import DayNotReady
from include.services.engines.endpoints import Endpoints
from include.settings import ConversionSettings
from include.state.locks import day_lock
from tests.conversion_days import open_api
from tests.verified_days import COUNTER, DAY, PLANTS, VerifiedDay, blamed, check_found, verified_day

SEED = 7


@pytest.fixture(scope="module")
def stored(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifiedDay]:
    with verified_day(endpoints, tmp_path_factory.mktemp("verified")) as found:
        yield found


@pytest.fixture
def verified(stored: VerifiedDay) -> Iterator[VerifiedDay]:
    yield stored
    stored.put_back()


class TestUntouchedDay:
    def test_should_hold_twice_and_change_nothing(self, verified: VerifiedDay) -> None:
        before = verified.contents()
        verdicts = [verified.verify() for _ in range(2)]
        assert [(one.holds, blamed(one), one.notes) for one in verdicts] == [(True, {}, ())] * 2
        assert verified.contents() == before

    def test_should_have_no_residual_in_any_balance(self, verified: VerifiedDay) -> None:
        balances = {one.name: one for one in verified.verify().balances}
        assert {name: one.residual for name, one in balances.items()} == {
            "visits received": 0,
            "hits received": 0,
            "visits scored or skipped": 0,
            "level 4+ visits sent or held": 0,
            "conversions in files": 0,
        }
        assert balances["hits received"].became["quarantined"] > 0
        assert balances["conversions in files"].became["linked"] > 0

    def test_should_have_a_day_of_every_kind_of_decision(self, verified: VerifiedDay) -> None:
        reasons = {reason for (reason,) in verified.rows("SELECT DISTINCT reason FROM visit_scores")}
        assert reasons >= {"rule", "model", "below_threshold", "device_not_modelled"}


class TestPlantedChange:
    @pytest.mark.parametrize("name", PLANTS)
    def test_should_be_found_and_named_and_nothing_else_blamed(self, name: str, verified: VerifiedDay) -> None:
        expected = PLANTS[name](verified, random.Random(SEED))
        check_found(verified.verify(), expected)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(name=st.sampled_from(sorted(PLANTS)), seed=st.integers(0, 10_000))
    def test_should_be_found_wherever_it_is_planted(self, stored: VerifiedDay, name: str, seed: int) -> None:
        try:
            expected = PLANTS[name](stored, random.Random(seed))
            check_found(stored.verify(), expected)
        finally:
            stored.put_back()

    def test_should_count_all_and_show_twenty_when_many_rows_changed(self, verified: VerifiedDay) -> None:
        changed = verified.one("SELECT count() FROM visit_scores WHERE reason = 'below_threshold'")
        verified.rows(
            "ALTER TABLE visit_scores UPDATE reason = 'no_model' WHERE reason = 'below_threshold' "
            "SETTINGS mutations_sync = 2"
        )
        scores = next(one for one in verified.verify().stages if one.stage == "scores")
        assert (len(scores.findings), scores.finding_count) == (20, changed)

    def test_should_say_which_balance_does_not_add_up_when_a_hit_was_deleted(self, verified: VerifiedDay) -> None:
        PLANTS["hit_deleted"](verified, random.Random(SEED))
        residuals = {one.name: one.residual for one in verified.verify().balances if one.residual}
        assert residuals == {"hits received": 1}

    def test_should_blame_both_when_two_things_were_changed(self, verified: VerifiedDay) -> None:
        for name in ("feature", "ledger_identifier"):
            PLANTS[name](verified, random.Random(SEED))
        assert sorted(blamed(verified.verify())) == ["scores", "upload"]


class TestUnfinishedDay:
    def test_should_name_the_command_when_the_day_is_not_loaded(self, verified: VerifiedDay) -> None:
        with pytest.raises(DayNotReady, match="python -m include load --date 2026-11-05"):
            verified.verify(dt.date(2026, 11, 5))

    def test_should_say_what_stands_and_what_is_missing_when_a_day_is_loaded_only(self, verified: VerifiedDay) -> None:
        verified.change("DELETE FROM day_stages WHERE stage IN ('scores', 'upload')")
        verified.change("DELETE FROM day_seals")
        verdict = verified.verify()
        assert [(one.stage, one.state) for one in verdict.stages] == [
            ("visits", "holds"),
            ("hits", "holds"),
            ("scores", "missing"),
            ("upload", "missing"),
        ]
        assert f"python -m include score --date {DAY} --counter {COUNTER}" in verdict.stages[2].next_step
        assert verdict.holds

    def test_should_say_so_when_the_stages_were_sealed_by_an_older_version(self, verified: VerifiedDay) -> None:
        verified.change("DELETE FROM day_seals")
        verified.change("UPDATE day_stages SET details = details - 'code' - 'parameters' - 'time_zone' - 'files'")
        verdict = verified.verify()
        assert (verdict.holds, verdict.seal) == (True, "")
        assert sum("older version" in note for note in verdict.notes) == 4

    def test_should_still_name_a_changed_row_when_an_older_version_sealed_it(self, verified: VerifiedDay) -> None:
        verified.change("DELETE FROM day_seals")
        expected = PLANTS["visit_duration"](verified, random.Random(SEED))
        check_found(verified.verify(), expected)

    def test_should_be_behind_when_the_day_was_loaded_again_with_other_rows(self, verified: VerifiedDay) -> None:
        verified.change("DELETE FROM day_seals")
        verified.change(
            "UPDATE day_stages SET details = jsonb_set(details, ARRAY['inputs'], '{\"visits 2026-11-10\": \"older\"}') "
            "WHERE stage = 'scores'"
        )
        verdict = verified.verify()
        assert (verdict.stages[2].state, verdict.holds) == ("behind", True)
        assert "python -m include score" in verdict.stages[2].next_step

    def test_should_say_that_other_code_made_the_day_when_the_code_differs(self, verified: VerifiedDay) -> None:
        verified.change("DELETE FROM day_seals")
        verified.change("UPDATE day_stages SET details = details || '{\"code\": \"older\"}' WHERE stage = 'scores'")
        verdict = verified.verify()
        assert verdict.holds
        assert any("was made by other code (older)" in note for note in verdict.notes)


class TestLocks:
    @pytest.mark.parametrize("purpose", ["load", "score", "upload"])
    def test_should_wait_when_a_stage_of_the_day_runs(self, purpose: str, verified: VerifiedDay) -> None:
        done = threading.Event()
        worker = threading.Thread(target=lambda: (verified.verify(), done.set()))
        with day_lock(verified.state, COUNTER, [DAY], purpose=purpose):
            worker.start()
            assert not done.wait(1.0)
        worker.join(30)
        assert done.is_set()


class TestRepeatedUpload:
    @pytest.fixture
    def repeated(self, endpoints: Endpoints, tmp_path: Path) -> Iterator[VerifiedDay]:
        """A day whose file Metrika could not link, sent again as another upload."""
        with (
            verified_day(endpoints, tmp_path, linkage_failure_count=1) as day,
            open_api(day.state, day.commands.sandbox.url) as api,
        ):
            settings = ConversionSettings(retry_linkage_hours=0)
            retry_linkage(day.state, api, counter_ids=[COUNTER], settings=settings, run_id="test")
            yield day

    def test_should_hold_and_balance_when_rows_moved_to_another_upload(self, repeated: VerifiedDay) -> None:
        verdict = repeated.verify()
        assert (blamed(verdict), verdict.holds) == ({}, True)
        assert repeated.told("SELECT count(*) FROM conversion_uploads") == 2

    def test_should_find_a_changed_file_digest_of_the_repeat(self, repeated: VerifiedDay) -> None:
        changed = "file_sha256 = reverse(file_sha256)"
        repeated.change(f"UPDATE conversion_uploads SET {changed} WHERE stage <> 'failed_linkage'")
        assert list(blamed(repeated.verify())) == ["upload"]


class TestWithdrawnVisits:
    def test_should_hold_when_sent_visits_are_no_longer_level4(self, verified: VerifiedDay) -> None:
        verified.change("UPDATE models SET stage = 'archived'")
        verified.commands.json("score", "--date", DAY)
        behind = verified.verify()
        verified.commands.json("conversions", "upload", "--date", DAY)
        verdict = verified.verify()
        assert (behind.holds, [one.state for one in behind.stages][3]) == (True, "behind")
        assert (blamed(verdict), verdict.holds, [one.state for one in verdict.stages]) == ({}, True, ["holds"] * 4)
        files = next(one for one in verdict.balances if one.name == "conversions in files")
        assert (files.came["withdrawn_since"] > 0, files.residual) == (True, 0)
