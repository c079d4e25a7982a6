"""Late visits: which visits of a day have changed since it was first exported."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter

import numpy as np

from include.days import iter_days
from include.metrika_sandbox.traffic.source import Edits, TrafficSource
from include.metrika_sandbox.visitors.ids import Int64Array


class LateEdits:
    """Remembers the edits of each counter-day.

    Args:
        traffic: chooses the visits of a round, the same in every process.
    """

    def __init__(self, traffic: TrafficSource) -> None:
        self._traffic = traffic
        self._lock = threading.Lock()
        self._edited: dict[tuple[int, dt.date], Int64Array] = {}
        self._rounds: Counter[tuple[int, dt.date]] = Counter()
        self._exports: Counter[tuple[int, dt.date]] = Counter()

    def add(self, counter_id: int, day: dt.date, visit_count: int) -> int:
        """Change visits of a day: each grows by two hits and becomes longer.

        Args:
            counter_id: the counter.
            day: local day of the visits' start.
            visit_count: how many visits change, >= 0.

        Returns:
            How many changed; fewer when the day has fewer visits.
        """
        key = (counter_id, day)
        with self._lock:
            chosen = self._traffic.edit(counter_id, day, visit_count, self._rounds[key])
            self._rounds[key] += 1
            before = self._edited.get(key, np.zeros(0, dtype=np.int64))
            self._edited[key] = np.concatenate([before, chosen])
        return len(chosen)

    def note_export(self, counter_id: int, first: dt.date, last: dt.date, edits_per_export: int) -> None:
        """Count an export of visits; from the second one on, a day changes in between.

        Args:
            counter_id: the counter.
            first: first day of the export.
            last: last day of the export.
            edits_per_export: visits that change in each day exported before; 0 for none.
        """
        for day in iter_days(first, last):
            if edits_per_export and self._exports[counter_id, day]:
                self.add(counter_id, day, edits_per_export)
            self._exports[counter_id, day] += 1

    def snapshot(self, counter_id: int, first: dt.date, last: dt.date) -> Edits:
        """The edits in force for a range of days and the day before it (its hits may spill)."""
        with self._lock:
            return {
                day: self._edited[counter_id, day]
                for day in iter_days(first - dt.timedelta(days=1), last)
                if (counter_id, day) in self._edited
            }
