from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from include.conversions.rules.holding import (
    MATCH_WINDOW_SECONDS,
    hold_visits,
    is_future,
    is_outside_window,
)

NOW = dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)
EPOCH = int(NOW.timestamp())


def held(client_id: int, epoch: int, *, offset: int = 0, include_old: bool = False) -> str:
    clients, epochs = np.array([client_id], np.uint64), np.array([epoch], np.int64)
    return str(hold_visits(clients, epochs, offset_seconds=offset, now=NOW, include_old=include_old)[0])


class TestHoldVisits:
    @pytest.mark.parametrize(
        ("epoch", "reason"),
        [
            (EPOCH - 1, ""),
            (EPOCH, "future_time"),
            (EPOCH + 60, "future_time"),
            (EPOCH - MATCH_WINDOW_SECONDS, ""),
            (EPOCH - MATCH_WINDOW_SECONDS - 1, "outside_match_window"),
        ],
    )
    def test_should_judge_by_time_when_the_visit_has_a_client(self, epoch: int, reason: str) -> None:
        assert held(2**64 - 1, epoch) == reason

    def test_should_hold_when_the_offset_moves_it_into_the_future(self) -> None:
        assert held(1, EPOCH - 30, offset=60) == "future_time"

    def test_should_let_an_old_visit_pass_when_asked_to(self) -> None:
        assert held(1, EPOCH - MATCH_WINDOW_SECONDS - 1, include_old=True) == ""

    def test_should_name_the_missing_client_when_several_things_are_wrong(self) -> None:
        assert held(0, EPOCH + 1) == "no_identifier"

    def test_should_give_nothing_when_there_are_no_visits(self) -> None:
        empty = hold_visits(np.array([], np.uint64), np.array([], np.int64), offset_seconds=0, now=NOW)
        assert empty.tolist() == []

    @pytest.mark.parametrize("epoch", [EPOCH - MATCH_WINDOW_SECONDS - 1, EPOCH - 5, EPOCH, EPOCH + 5])
    def test_should_agree_with_the_rules_for_one_conversion(self, epoch: int) -> None:
        block = held(1, epoch)
        assert (block == "future_time", block == "outside_match_window") == (
            is_future(epoch, NOW),
            is_outside_window(epoch, NOW),
        )
