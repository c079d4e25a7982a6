"""What the figures of a counter are made from: its history, else that of others, else Metrika's estimate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from include.metrika.client.logs_api import Evaluation
from include.metrika.fields.kinds import Field, Kind
from include.metrika.loading.load_job import HIT_VISIT_FIELD, SOURCES
from include.metrika.planning.forecast import Forecast, Line, forecast
from include.metrika.planning.history import History, PastOrder
from include.settings import MetrikaSettings

TOO_LOW_FACTOR = 4.1  # how much more came than Metrika had estimated, in the only recorded exchange
ESTIMATE_SPREAD = 0.6  # of that factor, which may be anything from 1 up
ASSUMED_SPREAD = 0.7  # of a figure nobody has measured here
ASSUMED_HITS_PER_VISIT = 2.1  # of two published counters
# Usual characters of a value with its separator.
WIDTHS = {
    Kind.UINT8: 2, Kind.UINT32: 5, Kind.UINT64: 20, Kind.INT32: 3, Kind.INT64: 9, Kind.FLOAT64: 8, Kind.STRING: 14,
    Kind.DATE: 11, Kind.DATETIME: 20, Kind.ARRAY_UINT32: 8, Kind.ARRAY_UINT64: 60, Kind.ARRAY_INT64: 10,
    Kind.ARRAY_FLOAT64: 10, Kind.ARRAY_DATETIME: 25, Kind.ARRAY_STRING: 15,
}  # fmt: skip


@dataclass(frozen=True)
class Basis:
    """What the figures of a counter are made from.

    Attributes:
        own: its history.
        others: histories of other counters of this installation.
        fields: lists of fields by source; several when Metrika wants them in several requests.
        settings: pauses between questions.
        last_closed: newest day that is over in the counter's zone.
        evaluated: Metrika's estimate of the range, by source.
        range_days: days the estimate is for, by source.
        factor: how much more comes than Metrika estimates.
    """

    own: History
    others: Sequence[History]
    fields: Mapping[str, tuple[tuple[Field, ...], ...]]
    settings: MetrikaSettings
    last_closed: dt.date
    evaluated: Mapping[str, Evaluation] = field(default_factory=dict)
    range_days: Mapping[str, int] = field(default_factory=dict)
    factor: float = TOO_LOW_FACTOR

    @property
    def is_known(self) -> bool:
        """Whether the counter was loaded before."""
        return bool(self.own.rows(SOURCES[0]))

    @property
    def has_estimate(self) -> bool:
        """Whether Metrika has said how large the visits are."""
        evaluation = self.evaluated.get(SOURCES[0])
        return evaluation is not None and evaluation.expected_bytes is not None

    def samples(self, read: Callable[[History], Iterable[tuple[float, float]]]) -> list[tuple[float, float]]:
        """Measurements of the counter itself, or when it has none of all others.

        Args:
            read: takes size and cost of each measurement from a history.

        Returns:
            The measurements.
        """
        return list(read(self.own)) or [sample for other in self.others for sample in read(other)]

    def orders(self, source: str, fields: Sequence[Field]) -> list[PastOrder]:
        """Downloaded logs of the same fields, of the counter itself or of all others.

        Args:
            source: visits or hits.
            fields: one list of fields.

        Returns:
            The logs that had rows.
        """
        key = source, _names(one.api_name for one in fields)
        return self._own_orders.get(key) or self._other_orders.get(key) or []

    @cached_property
    def _own_orders(self) -> dict[tuple[str, frozenset[str]], list[PastOrder]]:
        return _grouped([self.own])

    @cached_property
    def _other_orders(self) -> dict[tuple[str, frozenset[str]], list[PastOrder]]:
        return _grouped(self.others)

    def row_bytes(self, source: str, fields: Sequence[Field]) -> Line:
        """Bytes of rows by their number.

        Args:
            source: visits or hits.
            fields: one list of fields.

        Returns:
            A line through 0.
        """
        ratios = [order.size_bytes / order.received for order in self.orders(source, fields)]
        if not ratios:
            return Line(0.0, float(sum(WIDTHS[one.kind] for one in fields)), spread=ASSUMED_SPREAD)
        typical = median(ratios)
        return Line(0.0, typical, spread=median(abs(r / typical - 1) for r in ratios), sample_count=len(ratios))

    def rows(self, source: str) -> Forecast:
        """Rows per day.

        Args:
            source: visits or hits.

        Returns:
            The forecast: from the history, or the same for every day from Metrika's estimate.
        """
        known = self.own.rows(source)
        if known:
            return forecast(known)
        row_bytes = sum(self.row_bytes(source, fields).per_unit for fields in self.fields[source])
        evaluation = self.evaluated.get(source)
        if evaluation is not None and evaluation.expected_bytes is not None:
            daily = evaluation.expected_bytes * self.factor / self.range_days[source] / row_bytes
            return Forecast({}, daily, 0.0, {}, ESTIMATE_SPREAD)
        if source == SOURCES[0]:
            return Forecast({}, 0.0, 0.0, {}, ASSUMED_SPREAD)
        return Forecast({}, self.rows(SOURCES[0]).level * ASSUMED_HITS_PER_VISIT, 0.0, {}, ASSUMED_SPREAD)


def _names(fields: Iterable[str]) -> frozenset[str]:
    """Names of a field list without the one that Metrika does not have for every day."""
    return frozenset(fields) - {HIT_VISIT_FIELD}


def _grouped(histories: Iterable[History]) -> dict[tuple[str, frozenset[str]], list[PastOrder]]:
    """Logs that had rows, by source and field list."""
    found: dict[tuple[str, frozenset[str]], list[PastOrder]] = {}
    for history in histories:
        for order in history.orders:
            if order.received:
                found.setdefault((order.source, _names(order.fields.split(","))), []).append(order)
    return found
