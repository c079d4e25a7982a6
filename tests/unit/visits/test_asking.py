from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from include.registry.estimators import LoadedModel
from include.visits.deciding.asking import WORKERS, count_workers, iter_answers

BLOCKS = 40


class Foreign:
    """An estimator of a library nobody knows."""


def model(estimator: Any) -> LoadedModel:
    return LoadedModel("level4_desktop", "v1", "0" * 64, 0.5, ("slots",), estimator)


class Meter:
    """Counts how many blocks are asked about, and how many are in memory, at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = self.most_asked = self.held = self.most_held = 0

    def blocks(self) -> Iterator[int]:
        for number in range(BLOCKS):
            with self.lock:
                self.held += 1
                self.most_held = max(self.most_held, self.held)
            yield number

    def ask(self, number: int) -> int:
        with self.lock:
            self.asked += 1
            self.most_asked = max(self.most_asked, self.asked)
        np.linalg.inv(np.eye(60) + number)
        with self.lock:
            self.asked -= 1
            self.held -= 1
        return number


class TestCountWorkers:
    def test_should_share_the_cores_when_the_library_bears_it(self) -> None:
        assert count_workers([model(LogisticRegression())]) == WORKERS

    def test_should_ask_one_at_a_time_when_a_library_is_unknown(self) -> None:
        assert count_workers([model(LogisticRegression()), model(Foreign())]) == 1


class TestIterAnswers:
    @pytest.mark.parametrize("workers", [1, 2, 3])
    def test_should_answer_in_order_when_blocks_overlap(self, workers: int) -> None:
        meter = Meter()
        assert list(iter_answers(meter.blocks(), meter.ask, workers=workers)) == list(range(BLOCKS))
        assert meter.most_asked <= workers
        assert meter.most_held <= workers + 1

    def test_should_end_with_the_error_when_a_block_fails(self) -> None:
        def fail(number: int) -> int:
            if number == 5:
                raise ValueError("damaged")
            return number

        with pytest.raises(ValueError, match="damaged"):
            list(iter_answers(range(BLOCKS), fail, workers=2))
