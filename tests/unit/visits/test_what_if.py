from __future__ import annotations

import datetime as dt

import pytest

from include.csv_cells import FORMULA_STARTS, safe_cell
from include.errors import InputError
from include.visits.what_if.asking import total_of
from include.visits.what_if.day_table import MOST_ROWS, day_rows, describe, markdown, money
from include.visits.what_if.proposal import Proposal, ProposedModel, parse_proposal
from include.visits.what_if.records import WhatIf
from include.visits.what_if.value import require_value


def day(name: str, **changes) -> dict:
    counts = {"before": 5, "after": 6, "kept": 4, "added": 2, "removed": 1, "sendable": 2, "removed_sent": 1}
    value = {"kept": 4.0, "added": 2.0, "removed": 1.0, "before": 5.0, "after": 6.0}
    return {"day": name, **counts, "value": value, "sendable_value": 2.0, "note": "", **changes}


def asked(days: list[dict], **changes) -> WhatIf:
    summary = {"days": days, "total": total_of(days), "value_source": "given", "value_note": "", "production": {}}
    proposal = {"level4_desktop": {"version": "new", "base_version": "old", "threshold": 0.5, "replaces": "old"}}
    values = {
        "what_if_id": "x", "counter_id": 101, "first_day": dt.date(2026, 1, 1), "last_day": dt.date(2026, 1, 2),
        "proposal": proposal, "summary": summary, "input_digest": "", "run_id": "", "asked_at": dt.datetime.now(dt.UTC),
    }  # fmt: skip
    return WhatIf(**(values | changes))


class TestParseProposal:
    def test_should_name_the_models_when_thresholds_are_given(self) -> None:
        found = parse_proposal([], desktop_threshold=0, mobile_threshold=1)
        assert found == Proposal({}, {"level4_desktop": 0.0, "level4_mobile": 1.0})

    @pytest.mark.parametrize(
        ("versions", "said"),
        [
            ([], "Nothing is proposed"),
            (["level4_tv=a"], "names no model"),
            (["=a"], "names no model"),
            (["level4_mobile="], "does not name one version"),
            (["level4_mobile=a", "level4_mobile=a"], "does not name one version"),
        ],
    )
    def test_should_refuse_what_names_nothing(self, versions: list[str], said: str) -> None:
        with pytest.raises(InputError, match=said):
            parse_proposal(versions)

    @pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf")])
    def test_should_refuse_a_threshold_outside_of_0_to_1(self, threshold: float) -> None:
        with pytest.raises(InputError, match="give a number from 0 to 1"):
            parse_proposal([], mobile_threshold=threshold)


class TestProposedModel:
    @pytest.mark.parametrize(("version", "expected"), [("a", False), ("b", True)])
    def test_should_be_a_new_threshold_when_the_version_is_not_its_base(self, version: str, expected: bool) -> None:
        assert ProposedModel("level4_desktop", version, "a", 0.5, "a").is_new_threshold is expected


class TestTotalOf:
    def test_should_add_up_counts_and_values(self) -> None:
        total = total_of([day("2026-01-01"), day("2026-01-02", added=0, after=4)])
        assert (total["added"], total["after"], total["value"]["kept"], total["sendable_value"]) == (2, 10, 8.0, 4.0)

    def test_should_have_no_value_when_the_days_have_none(self) -> None:
        total = total_of([day("2026-01-01", value={})])
        assert (total["value"], "sendable_value" in total) == ({}, False)


class TestDayTable:
    def test_should_end_with_all_days(self) -> None:
        rows = day_rows(asked([day("2026-01-01"), day("2026-01-02")]))
        assert [(row["day"], row["added"], row["value"]) for row in rows] == [
            ("2026-01-01", 2, "5 > 6"), ("2026-01-02", 2, "5 > 6"), ("all days", 4, "10 > 12"),
        ]  # fmt: skip

    def test_should_say_what_metrika_keeps_when_sent_visits_are_removed(self) -> None:
        said = " ".join(describe(asked([day("2026-01-01")])))
        assert "1 of the removed visits have been sent" in said

    def test_should_name_days_that_are_out_of_date(self) -> None:
        said = describe(asked([day("2026-01-01", note="Scored on 2025-12-01, loaded again since.")]))
        assert "2026-01-01: Scored on 2025-12-01, loaded again since." in said

    def test_should_keep_the_last_days_when_the_range_is_long(self) -> None:
        days = [day((dt.date(2026, 1, 1) + dt.timedelta(days=n)).isoformat()) for n in range(100)]
        text = markdown([asked(days)])
        assert text.count("\n| 2026-") == MOST_ROWS - 1
        assert f"The first {100 + 1 - MOST_ROWS} days are not shown" in text

    @pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (1234567.0, "1,234,567"), (0.1, "0.10")])
    def test_should_write_money_for_people(self, value: float, text: str) -> None:
        assert money(value) == text


class TestSafeCell:
    @pytest.mark.parametrize("start", FORMULA_STARTS)
    def test_should_put_an_apostrophe_before_a_formula(self, start: str) -> None:
        assert safe_cell(f"{start}cmd") == f"'{start}cmd"

    @pytest.mark.parametrize("value", [-0.5, 7, None, "", "2026-01-01"])
    def test_should_leave_everything_else_alone(self, value: object) -> None:
        assert safe_cell(value) == value


class TestRequireValue:
    @pytest.mark.parametrize("value", [-0.01, float("nan"), float("inf"), 1e14])
    def test_should_refuse_a_value_that_is_none(self, value: float) -> None:
        with pytest.raises(InputError, match="The value of a visit"):
            require_value(value)

    @pytest.mark.parametrize("value", [None, 0.0, 12.5])
    def test_should_take_a_value_that_is_one(self, value: float | None) -> None:
        assert require_value(value) == value
