"""Passports of conversions that were held back, withdrawn after they were sent, refused or sent again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.registry.promotions import COMMAND, promote
from include.registry.versions import register
from include.services.engines.endpoints import Endpoints
from tests.passport_days import DAY, FEATURES, SentDay, fitted, sent_day

FAIL = (
    "UPDATE conversion_uploads SET stage = 'failed_linkage', metrika_status = 'LINKAGE_FAILURE', "
    "finished_at = now() - interval '2 days'"
)
OLD_DAY = DAY - dt.timedelta(days=30)


@pytest.fixture
def small(endpoints: Endpoints, tmp_path: Path) -> Iterator[SentDay]:
    """A small day of its own, to be changed for good."""
    with sent_day(endpoints, tmp_path, visits_per_day=150) as found:
        yield found


def all_agree(day: SentDay) -> bool:
    found = day.passport("--sample", 10_000)
    return bool(found["agree"] == found["rows"] > 0)


class TestHeld:
    @pytest.fixture
    def held(self, small: SentDay) -> dict[str, Any]:
        for words in (("load",), ("score",), ("conversions", "upload")):
            small.commands.json(*words, "--date", OLD_DAY)
        visit_id = small.ledger("SELECT visit_id FROM conversions WHERE upload_id IS NULL ORDER BY 1 LIMIT 1")[0][0]
        return small.passport("--visit", visit_id, "--verify")

    def test_should_say_why_it_was_held_back(self, held: dict[str, Any]) -> None:
        assert (held["decision"]["outcome"], held["decision"]["sent"]) == ("held", False)
        assert "older than the 21 days" in held["decision"]["why"]
        assert (held["row"]["held_reason"], held["row"]["csv"]) == ("outside_match_window", None)
        assert (held["batch"], held["metrika"], held["verified"]) == (None, None, True)

    def test_should_be_named_when_the_reason_was_changed(self, small: SentDay, held: dict[str, Any]) -> None:
        sql = "UPDATE conversions SET held_reason = '{}' WHERE held_reason = '{}'"
        reasons = ("outside_match_window", "future_time")
        with small.changed(sql.format(*reversed(reasons)), sql.format(*reasons)):
            found = small.differs("--visit", held["visit"]["visit_id"])
        assert found == {"row.held_reason": tuple(reversed(reasons))}

    def test_should_agree_when_sent_and_held_rows_are_mixed(self, small: SentDay, held: dict[str, Any]) -> None:
        assert held["row"]["stage"] == "held"
        assert all_agree(small)


class TestWithdrawn:
    @pytest.fixture
    def withdrawn(self, small: SentDay) -> dict[str, Any]:
        """A visit that was sent, and that a stricter model no longer calls level 4+."""
        strict = register(
            small.state, small.models_dir, name="level4_desktop", artefact=fitted(0), threshold=0.999, features=FEATURES
        )
        promote(small.state, "level4_desktop", strict.version, cause=COMMAND)
        small.commands.json("score", "--date", DAY)
        before = small.ledger("SELECT count(*) FROM conversions WHERE is_withdrawn")
        small.commands.json("conversions", "upload", "--date", DAY)
        rows = small.ledger("SELECT visit_id FROM conversions WHERE is_withdrawn ORDER BY visit_id")
        assert (before, len(rows) > 3) == ([(0,)], True)
        return small.passport("--visit", rows[0][0], "--verify")

    def test_should_say_that_it_was_sent_and_what_came_later(self, withdrawn: dict[str, Any]) -> None:
        decision = withdrawn["decision"]
        assert (decision["outcome"], decision["sent"], decision["level4"]) == ("withdrawn", True, False)
        assert "later the visit stopped being level 4+" in decision["why"]
        assert withdrawn["row"]["csv"] is not None
        assert (withdrawn["verified"], withdrawn["mismatches"]) == (True, [])

    def test_should_agree_when_sent_and_withdrawn_rows_are_mixed(
        self, small: SentDay, withdrawn: dict[str, Any]
    ) -> None:
        assert withdrawn["row"]["is_withdrawn"]
        assert all_agree(small)

    def test_should_say_that_a_visit_was_taken_back_when_a_later_load_has_it_no_more(self, small: SentDay) -> None:
        visit_id = small.passport("--upload", 7001, "--row", 1)["visit"]["visit_id"]
        for table in ("visits", "visit_features", "visit_scores"):
            small.warehouse.execute(
                f"ALTER TABLE {table} DELETE WHERE visit_id = %(visit)s",
                {"visit": int(visit_id)},
                settings={"mutations_sync": 2},
            )
        assert "visit.visit_id" in small.differs("--upload", 7001, "--row", 1)
        with small.state.begin() as connection:
            connection.exec_driver_sql(f"UPDATE conversions SET is_withdrawn = true WHERE visit_id = {visit_id}")
        found = small.passport("--upload", 7001, "--row", 1, "--verify")
        assert (found["visit"], found["verified"], found["decision"]["outcome"]) == (None, True, "withdrawn")
        assert "Metrika has taken it back" in found["decision"]["why"]


class TestRepeated:
    def test_should_lead_to_the_later_upload_when_all_rows_were_sent_again(self, small: SentDay) -> None:
        first = small.passport("--upload", 7001, "--row", 1)["batch"]["upload_id"]
        with small.state.begin() as connection:
            connection.exec_driver_sql(FAIL)
        assert small.commands.json("conversions", "track")["sent_again"] > 0
        result = small.commands.run("conversions", "passport", "--upload", first, "--row", 1)
        later = small.ledger("SELECT upload_id FROM conversion_uploads WHERE upload_id <> :first", first=first)[0][0]
        assert (result.exit_code, result.stdout) == (2, "")
        assert str(later) in result.stderr.replace("\n", "")
        assert all_agree(small)

    def test_should_still_hold_when_a_row_stayed_behind(self, small: SentDay) -> None:
        found = small.passport("--upload", 7001, "--row", 2)
        visit_id = found["visit"]["visit_id"]
        with small.state.begin() as connection:
            connection.exec_driver_sql(f"UPDATE conversions SET is_withdrawn = true WHERE visit_id = {visit_id}")
            connection.exec_driver_sql(FAIL)
        small.commands.json("conversions", "track")
        left = small.differs("--visit", visit_id)
        assert set(left) == {"row.is_withdrawn"}  # planted; its file cannot be rebuilt any more, which is no mismatch
        with small.state.begin() as connection:
            connection.exec_driver_sql("UPDATE conversions SET is_withdrawn = false")
        assert all_agree(small)
