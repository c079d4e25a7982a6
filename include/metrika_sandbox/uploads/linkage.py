"""Linking conversions to visits: ClientId, UserId, Yclid, PurchaseId."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from include.metrika_sandbox.traffic.source import TrafficSource, VisitHeads

CLIENT, USER, CLICK, PURCHASE = "ClientId", "UserId", "Yclid", "PurchaseId"
KINDS = (CLIENT, USER, CLICK, PURCHASE)
WINDOW_DAYS = 21  # documented: between the visit and the processing of the file


@dataclass(frozen=True)
class Conversion:
    """One valid row of an upload.

    Attributes:
        kind: column of the identifier.
        identifier: its value.
        target: goal identifier.
        epoch_seconds: time of the conversion.
    """

    kind: str
    identifier: str
    target: str
    epoch_seconds: int


class Linker:
    """Finds the visit of each conversion among the sandbox's own visits.

    Args:
        traffic: whose visits.
        counter_id: the counter.
        zone: zone of its days.
        links_at_start: a conversion exactly at a visit's start belongs to that visit.
    """

    def __init__(self, traffic: TrafficSource, counter_id: int, zone: ZoneInfo, *, links_at_start: bool) -> None:
        self._traffic, self._counter_id, self._zone = traffic, counter_id, zone
        self._links_at_start = links_at_start

    def link(self, conversions: Sequence[Conversion], now: dt.datetime) -> list[bool]:
        """Link a file's rows.

        Args:
            conversions: the valid rows.
            now: when the file is processed, aware; older visits than 21 days do not count.

        Returns:
            For each row whether a visit was found.
        """
        linked = [False] * len(conversions)
        if not conversions:
            return linked
        earliest = int(now.timestamp()) - WINDOW_DAYS * 86_400
        latest = max(one.epoch_seconds for one in conversions)
        for day in self._days_back(earliest, min(latest, int(now.timestamp()))):
            waiting = [place for place, is_linked in enumerate(linked) if not is_linked]
            if not waiting:
                break
            seen = self._first_visits(day, earliest, conversions, waiting)
            for place in waiting:
                linked[place] = self._is_after(conversions[place], seen)
        return linked

    def _days_back(self, earliest: int, latest: int) -> Iterator[dt.date]:
        day = dt.datetime.fromtimestamp(latest, tz=self._zone).date()
        last = dt.datetime.fromtimestamp(earliest, tz=self._zone).date()
        while day >= last:
            yield day
            day -= dt.timedelta(days=1)

    def _is_after(self, conversion: Conversion, seen: dict[tuple[str, str], int]) -> bool:
        start = seen.get((conversion.kind, conversion.identifier))
        if start is None:
            return False
        if conversion.kind in (CLICK, PURCHASE):
            return True  # these name one visit; its time does not matter inside the window
        return start <= conversion.epoch_seconds if self._links_at_start else start < conversion.epoch_seconds

    def _first_visits(
        self, day: dt.date, earliest: int, conversions: Sequence[Conversion], waiting: Sequence[int]
    ) -> dict[tuple[str, str], int]:
        """Earliest start of the day's visits of each wanted identifier inside the window."""
        wanted = {(conversions[place].kind, conversions[place].identifier) for place in waiting}
        starts: dict[tuple[str, str], int] = {}
        for heads in self._traffic.iter_heads(self._counter_id, day):
            for kind, identifier, start in _iter_identifiers(heads, wanted):
                if start >= earliest:
                    starts[kind, identifier] = min(start, starts.get((kind, identifier), start))
        return starts


def _iter_identifiers(heads: VisitHeads, wanted: set[tuple[str, str]]) -> Iterator[tuple[str, str, int]]:
    """The wanted identifiers among the visits of one day."""
    epochs = heads.start_epochs
    clients = {int(text) for kind, text in wanted if kind == CLIENT and text.isdigit() and int(text) < 2**64}
    if clients:
        known = np.flatnonzero(np.isin(heads.client_ids, np.array(sorted(clients), dtype=np.uint64)))
        for place in known.tolist():
            yield CLIENT, str(heads.client_ids[place]), int(epochs[place])
    for kind, make_texts in ((USER, heads.user_ids), (CLICK, heads.click_ids), (PURCHASE, heads.purchase_ids)):
        values = {text for one, text in wanted if one == kind}
        if not values:
            continue
        for place, text in enumerate(make_texts()):
            for value in text.split() if kind == PURCHASE else (text,):
                if value in values:
                    yield kind, value, int(epochs[place])
