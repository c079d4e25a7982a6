"""How much one caller may send: a token bucket per caller, in the memory of the process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

BURST_FACTOR = 2.0  # a bucket holds what comes in within so many seconds
ROUNDING = 1e-6  # who waits exactly as long as told is granted
MOST_CALLERS = 10_000  # buckets kept; one that is forgotten was the longest unused, so it is full again


@dataclass(frozen=True)
class Allowance:
    """Whether a caller may go on.

    Attributes:
        is_granted: it may.
        limit: units per second.
        remaining: whole units left.
        reset_seconds: until the bucket is full again.
        wait_seconds: until the same request is granted; 0 when it is.
    """

    is_granted: bool
    limit: float
    remaining: int
    reset_seconds: float
    wait_seconds: float


class Buckets:
    """Token buckets of one kind, one per caller.

    Args:
        per_second: units that come in per second, > 0.
        clock: seconds that only grow.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._capacity = per_second, max(1.0, per_second * BURST_FACTOR)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level and when
        self._changing = threading.Lock()

    def take(self, caller: str, units: int) -> Allowance:
        """Take units out of a caller's bucket, or none when they are not there.

        A request larger than the whole bucket is granted when the bucket is full, and leaves a debt.

        Args:
            caller: name of the caller.
            units: how many, >= 0.

        Returns:
            What was decided.
        """
        with self._changing:
            now = self._clock()
            level, at = self._levels.pop(caller, (self._capacity, now))
            level = min(self._capacity, level + (now - at) * self._per_second)
            needed = min(float(units), self._capacity)
            is_granted = level >= needed - ROUNDING
            self._levels[caller] = (level - units if is_granted else level, now)
            if len(self._levels) > MOST_CALLERS:
                self._levels.popitem(last=False)
        left = level - units if is_granted else level
        return Allowance(
            is_granted,
            self._per_second,
            max(0, math.floor(left)),
            (self._capacity - left) / self._per_second,
            0.0 if is_granted else (needed - level) / self._per_second,
        )
