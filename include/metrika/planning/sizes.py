"""What each day of a backfill will take, and how long."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from include.metrika.fields.kinds import Field
from include.metrika.loading.load_job import SOURCES
from include.metrika.loading.phases import DOWNLOADING, PHASES, QUEUE, REQUESTING, STORING
from include.metrika.planning.basis import ASSUMED_SPREAD, Basis
from include.metrika.planning.forecast import Forecast, Line, fit_line
from include.metrika.planning.history import SCORES, UPLOAD, History
from include.metrika.planning.requests_used import (
    UPLOAD_REQUESTS,
    count_load_requests,
    count_polls,
    count_scheduled_requests,
)

SCORING, UPLOADING = "scoring", "uploading"
STEPS = (*PHASES, SCORING, UPLOADING)
ASSUMED_PART_BYTES = 100e6  # Metrika does not say how it cuts a log
# Measured on two cores with the local Metrika; the queue is that of published run logs, 33 to 200 s.
ASSUMED = {
    REQUESTING: Line(1.0, 0.0, spread=ASSUMED_SPREAD),
    QUEUE: Line(60.0, 0.0, spread=ASSUMED_SPREAD),
    DOWNLOADING: Line(0.5, 5e-6, spread=ASSUMED_SPREAD),
    STORING: Line(0.5, 1e-6, spread=ASSUMED_SPREAD),
    SCORING: Line(0.5, 2e-6, spread=ASSUMED_SPREAD),
    UPLOADING: Line(1.0, 5e-5, spread=ASSUMED_SPREAD),
}
ASSUMED_RAW = Line(8000.0, 24.0, spread=ASSUMED_SPREAD)  # bytes by rows of visits and hits
ASSUMED_DERIVED = Line(8000.0, 75.0, spread=ASSUMED_SPREAD)  # bytes by visits
ASSUMED_LEVEL4_SHARE = 0.1


@dataclass(frozen=True)
class DayFigures:
    """What one counter-day takes.

    Attributes:
        visits: rows stored.
        hits: rows stored.
        received: rows downloaded; hits reach into the day after.
        parts: parts of its logs.
        download_bytes: bytes of their rows, not compressed, as Metrika counts them.
        requests: requests to Metrika of the commands.
        scheduled_requests: requests to Metrika of the scheduler, which asks anew in each of its tasks.
        raw_bytes: compressed bytes of visits and hits in ClickHouse.
        derived_bytes: compressed bytes of features and scores.
        seconds: seconds by step.
    """

    visits: float
    hits: float
    received: float
    parts: int
    download_bytes: float
    requests: int
    scheduled_requests: int
    raw_bytes: float
    derived_bytes: float
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Sizes:
    """Everything learned about a counter, ready to be asked about days."""

    basis: Basis
    visits: Forecast
    hits: Forecast
    lines: Mapping[str, Line]
    raw: Line
    derived: Line
    level4_share: float

    def received(self, source: str, day: dt.date) -> float:
        """Rows of the log of one day; hits come with the day after, as far as it is over.

        Args:
            source: visits or hits.
            day: the day.

        Returns:
            Rows.
        """
        if source == SOURCES[0]:
            return self.visits.at(day)
        after = day + dt.timedelta(days=1)
        return self.hits.at(day) + (self.hits.at(after) if after <= self.basis.last_closed else 0.0)

    def figure(self, day: dt.date) -> DayFigures:
        """What one day takes.

        Args:
            day: the day.

        Returns:
            The figures.
        """
        visits, hits = self.visits.at(day), self.hits.at(day)
        received = sum(self.received(source, day) for source in SOURCES)
        parts, size_bytes, orders = 0, 0.0, 0
        for source in SOURCES:
            for fields in self.basis.fields[source]:
                log_bytes = self.basis.row_bytes(source, fields).at(self.received(source, day))
                parts += self._parts(source, fields, log_bytes)
                size_bytes += log_bytes
                orders += 1
        level4 = visits * self.level4_share
        sizes = {DOWNLOADING: received, STORING: received, SCORING: visits, UPLOADING: level4}
        seconds = {step: self.lines[step].at(sizes.get(step, 1.0)) for step in STEPS}
        polls = count_polls(seconds[QUEUE], self.basis.settings)
        requests = count_load_requests(orders, parts, polls) + UPLOAD_REQUESTS
        scheduled = count_scheduled_requests(orders, parts, seconds[QUEUE]) + UPLOAD_REQUESTS
        return DayFigures(
            visits=visits,
            hits=hits,
            received=received,
            parts=parts,
            download_bytes=size_bytes,
            requests=requests,
            scheduled_requests=scheduled,
            raw_bytes=self.raw.at(visits + hits),
            derived_bytes=self.derived.at(visits),
            seconds=seconds,
        )

    def _parts(self, source: str, fields: Sequence[Field], log_bytes: float) -> int:
        """Parts in proportion to the bytes of the logs seen, best of those with as many days."""
        if not log_bytes:
            return 0
        orders = self.basis.orders(source, fields)
        day_count = 1 if source == SOURCES[0] else 2
        alike = [order for order in orders if order.day_count == day_count] or orders
        if not alike:
            return math.ceil(log_bytes / ASSUMED_PART_BYTES)
        return max(1, round(log_bytes * median(order.part_count / order.size_bytes for order in alike)))


def learn_sizes(basis: Basis) -> Sizes:
    """Learn from a history what days take.

    Args:
        basis: history, estimates, settings.

    Returns:
        What can be asked about days.
    """
    return Sizes(
        basis,
        basis.rows(SOURCES[0]),
        basis.rows(SOURCES[1]),
        {step: fit_line(basis.samples(partial(_step_samples, step)), ASSUMED[step]) for step in STEPS},
        fit_line(basis.samples(_raw_samples), ASSUMED_RAW),
        fit_line(basis.samples(_derived_samples), ASSUMED_DERIVED),
        _level4_share(basis),
    )


def _step_samples(step: str, history: History) -> list[tuple[float, float]]:
    if step in PHASES:
        is_sized = step in (DOWNLOADING, STORING)
        return [(history.received(one) if is_sized else 1.0, one.details["seconds"][step]) for one in history.loads()]
    stage, count = (SCORES, "scored") if step == SCORING else (UPLOAD, "level4")
    return [(one.counts.get(count, 0), one.seconds) for one in history.of(stage).values()]


def _raw_samples(history: History) -> list[tuple[float, float]]:
    visits, hits = (history.rows(source) for source in SOURCES)
    return [
        (visits[day] + hits.get(day, 0.0), disk.raw_bytes)
        for day, disk in history.disk.items()
        if day in visits and disk.raw_bytes
    ]


def _derived_samples(history: History) -> list[tuple[float, float]]:
    scores = history.of(SCORES)
    return [
        (scores[day].counts.get("scored", 0), disk.derived_bytes)
        for day, disk in history.disk.items()
        if day in scores and disk.derived_bytes
    ]


def _level4_share(basis: Basis) -> float:
    def shares(history: History) -> list[tuple[float, float]]:
        """Share of level 4+ visits on each scored day."""
        counts = [one.counts for one in history.of(SCORES).values()]
        return [(1.0, one["level4"] / one["scored"]) for one in counts if one.get("scored")]

    found = [share for _, share in basis.samples(shares)]
    return median(found) if found else ASSUMED_LEVEL4_SHARE
