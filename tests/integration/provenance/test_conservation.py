"""Balances from manifest and ledger alone, as doctor shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from include.days import utc_now
from include.provenance.conservation import Balance, balance_recent
from include.services.doctor import Check, check_installation
from include.services.engines.endpoints import Endpoints
from tests.verified_days import VerifiedDay, verified_day


@pytest.fixture(scope="module")
def stored(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifiedDay]:
    with verified_day(endpoints, tmp_path_factory.mktemp("balanced")) as found:
        yield found


@pytest.fixture
def day(stored: VerifiedDay) -> Iterator[VerifiedDay]:
    yield stored
    stored.put_back()


def residuals(day: VerifiedDay) -> dict[str, int]:
    found = balance_recent(day.state, since=utc_now() - dt.timedelta(days=1))
    return {one.name: one.residual for one in found if one.residual}


def in_files(day: VerifiedDay) -> Balance:
    found = balance_recent(day.state, since=utc_now() - dt.timedelta(days=1))
    return next(one for one in found if one.name.startswith("conversions in files"))


def shown(day: VerifiedDay) -> Check:
    checks = check_installation(day.folder, {**day.commands.environ, "COUNTERFLOW_LOCAL_DIR": str(day.folder)})
    return next(check for check in checks if check.name == "conservation")


class TestBalanceRecent:
    def test_should_balance_every_stage_of_a_finished_day(self, day: VerifiedDay) -> None:
        found = balance_recent(day.state, since=utc_now() - dt.timedelta(days=1))
        names = [one.name.partition(",")[0] for one in found if one.name.endswith("day 2026-11-10")]
        assert names == [
            "visits received",
            "hits received",
            "visits scored or skipped",
            "level 4+ visits sent or held",
            "conversions in files",
        ]
        assert residuals(day) == {}

    def test_should_pass_over_days_that_ended_before(self, day: VerifiedDay) -> None:
        assert balance_recent(day.state, since=utc_now() + dt.timedelta(hours=1)) == []

    def test_should_miss_a_row_when_the_ledger_lost_one(self, day: VerifiedDay) -> None:
        day.change("DELETE FROM conversions WHERE line_number = 1")
        assert residuals(day) == {"conversions in files, counter 101, day 2026-11-10": -1}

    def test_should_miss_a_reason_when_a_count_was_edited(self, day: VerifiedDay) -> None:
        day.change("UPDATE day_stages SET counts = jsonb_set(counts, '{visits}', '1000') WHERE stage = 'scores'")
        assert list(residuals(day)) == ["visits scored or skipped, counter 101, day 2026-11-10"]

    @pytest.mark.parametrize(
        ("stage", "linked", "state"),
        [
            ("processing", None, "pending"),
            ("uploaded", None, "pending"),
            ("prepared", None, "to_be_sent"),
            ("failed_linkage", 0, "not_linked"),
            ("done", None, "processed_without_a_number"),
        ],
    )
    def test_should_give_every_row_one_state_when_a_file_is(
        self, day: VerifiedDay, stage: str, linked: int | None, state: str
    ) -> None:
        ended = "finished_at" if stage in ("done", "failed_linkage") else "NULL"
        day.change(
            f"UPDATE conversion_uploads SET stage = :stage, linked_quantity = :linked, finished_at = {ended}",
            stage=stage,
            linked=linked,
        )
        files = in_files(day)
        assert {name for name, count in files.became.items() if count} == {state}
        assert files.residual == 0

    def test_should_count_given_up_files_when_nobody_follows_them_any_more(self, day: VerifiedDay) -> None:
        day.change("UPDATE conversion_uploads SET stage = 'unknown'")
        files = in_files(day)
        assert (files.became["given_up"] > 0, files.residual) == (True, 0)

    def test_should_show_more_linked_than_sent_when_metrika_says_so(self, day: VerifiedDay) -> None:
        day.change("UPDATE conversion_uploads SET linked_quantity = row_count + 5")
        files = in_files(day)
        assert (files.became["not_linked"], files.residual) == (0, -5)


class TestDoctor:
    def test_should_say_in_one_line_that_everything_adds_up(self, day: VerifiedDay) -> None:
        found = shown(day)
        assert (found.is_ok, "every residual 0" in found.detail) == (True, True)

    def test_should_name_balance_residual_and_next_step_when_one_does_not(self, day: VerifiedDay) -> None:
        day.change("DELETE FROM conversions WHERE line_number = 1")
        found = shown(day)
        assert (found.is_ok, found.detail) == (False, "conversions in files, counter 101, day 2026-11-10: residual -1")
        assert "verify-day" in found.next_step
