"""Asking several blocks at a time, so that reading and storing fill the pauses of the models."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from include.registry.estimators import LoadedModel

WORKERS = 2
# Libraries whose estimators may be asked by several threads; whatever else is brought in is asked by one.
SHAREABLE = ("sklearn.", "include.")
T = TypeVar("T")
R = TypeVar("R")


def count_workers(models: Iterable[LoadedModel]) -> int:
    """How many blocks may be asked at the same time.

    Args:
        models: the models that will be asked.

    Returns:
        1 when one of them is of a library that does not promise to bear it.
    """
    return WORKERS if all(type(one.estimator).__module__.startswith(SHAREABLE) for one in models) else 1


def iter_answers(blocks: Iterable[T], ask: Callable[[T], R], *, workers: int) -> Iterator[R]:
    """Ask about blocks, the next ones being read meanwhile; at most ``workers + 1`` are in memory.

    Args:
        blocks: what to ask about; read by the caller's thread.
        ask: asks about one block; called from ``workers`` threads.
        workers: blocks asked at the same time.

    Yields:
        Answers in the order of the blocks.
    """
    with ThreadPoolExecutor(workers, initializer=_share_cores, initargs=(workers,)) as pool:
        waiting: deque[Future[R]] = deque()
        for block in blocks:
            waiting.append(pool.submit(ask, block))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _share_cores(workers: int) -> None:
    """Leave each worker its share of the cores; the limit is one of the calling thread only."""
    if workers > 1:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=max(1, (os.cpu_count() or 1) // workers), user_api="openmp")
