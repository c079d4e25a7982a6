from __future__ import annotations

import pytest

from include.conversions.rules.statuses import api_status_of, stage_of


class TestM22StageOf:
    @pytest.mark.parametrize(
        ("word", "stage"),
        [
            ("PREPARED", "uploaded"), ("UPLOADED", "uploaded"), ("EXPORTED", "processing"), ("MATCHED", "processing"),
            ("PROCESSED", "done"), ("LINKAGE_FAILURE", "failed_linkage"), ("processed", "done"),
            ("Matched", "processing"), ("DIGESTED", "unknown"), ("", "unknown"),
        ],
    )  # fmt: skip
    def test_should_translate_when_metrika_says_a_word(self, word: str, stage: str) -> None:
        assert stage_of(word) == stage


class TestApiStatusOf:
    @pytest.mark.parametrize(
        ("stage", "status"),
        [
            ("prepared", "pending"), ("uploaded", "pending"), ("processing", "pending"), ("unknown", "pending"),
            ("done", "processed"), ("failed_linkage", "failed"), ("refused", "failed"), ("goal_not_found", "failed"),
        ],
    )  # fmt: skip
    def test_should_translate_when_the_ledger_has_a_stage(self, stage: str, status: str) -> None:
        assert api_status_of(stage) == status
