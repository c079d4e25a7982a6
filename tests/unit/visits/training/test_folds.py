from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.visits.training.folds import grouped_folds, split_by_time
from include.visits.training.samples import Samples

DAY = 86_400


def drawn(seed: int, rows: int = 400, clients: int = 120) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (random.random(rows) < 0.2).astype(np.int8), random.integers(1, clients, rows).astype(np.uint64)


def samples_at(at_seconds: list[int]) -> Samples:
    rows = len(at_seconds)
    return Samples(
        pd.DataFrame({"a": np.arange(rows, dtype=float)}),
        np.zeros(rows, np.int8),
        np.arange(rows, dtype=np.uint64),
        np.array(at_seconds, np.int64),
    )


class TestGroupedFolds:
    @given(st.integers(0, 10_000), st.integers(2, 8))
    @settings(max_examples=40, deadline=None)
    def test_should_keep_a_client_in_one_fold_when_it_comes_back(self, seed: int, folds: int) -> None:
        labels, groups = drawn(seed)
        for learn, asked in grouped_folds(labels, groups, folds=folds, seed=seed):
            assert not set(groups[learn].tolist()) & set(groups[asked].tolist())

    @given(st.integers(0, 10_000))
    @settings(max_examples=40, deadline=None)
    def test_should_ask_about_every_visit_once_when_dealt(self, seed: int) -> None:
        labels, groups = drawn(seed)
        asked = np.concatenate([rows for _, rows in grouped_folds(labels, groups, seed=seed)])
        assert sorted(asked.tolist()) == list(range(len(labels)))

    def test_should_share_out_both_classes_when_dealt(self) -> None:
        labels, groups = drawn(5, rows=4_000, clients=1_500)
        shares = [labels[asked].mean() for _, asked in grouped_folds(labels, groups)]
        assert max(shares) - min(shares) < 0.03

    def test_should_deal_the_same_when_the_seed_is_the_same(self) -> None:
        labels, groups = drawn(6)
        one, other = (grouped_folds(labels, groups, seed=3) for _ in range(2))
        assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, other, strict=True))


class TestSplitByTime:
    def test_should_hold_out_whole_last_days_when_there_are_several(self) -> None:
        split = split_by_time(samples_at([day * DAY + second for day in range(10) for second in range(50)]))
        assert (len(split.learn), len(split.check)) == (400, 100)

    @given(st.lists(st.integers(0, 12 * DAY), min_size=20, max_size=200))
    @settings(max_examples=60, deadline=None)
    def test_should_learn_from_nothing_later_than_it_checks_when_split(self, at_seconds: list[int]) -> None:
        samples = samples_at(at_seconds)
        split = split_by_time(samples)
        assert len(split.learn) + len(split.check) == len(samples)
        if len(split.check) and len(split.learn):
            assert samples.at_seconds[split.learn].max() < samples.at_seconds[split.check].min()

    @pytest.mark.parametrize("rows", [1, 30])
    def test_should_hold_nothing_out_when_all_visits_start_at_once(self, rows: int) -> None:
        split = split_by_time(samples_at([7] * rows))
        assert (len(split.learn), len(split.check)) == (rows, 0)
