"""What a source of traffic offers to the server, whatever it is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.visitors.ids import Int64Array, UInt64Array


@dataclass(frozen=True)
class Label:
    """The truth about one visit.

    Attributes:
        visit_id: ``ym:s:visitID``.
        label: 1 for a visit of a high-activity visitor, otherwise 0.
    """

    visit_id: int
    label: int


@dataclass(frozen=True)
class VisitHeads:
    """What linking a conversion needs to know about n visits.

    Attributes:
        start_epochs: shape (n,), int64, Unix seconds of the visits' starts.
        client_ids: shape (n,), uint64.
        user_ids: makes n texts, empty when the site does not know the user.
        click_ids: makes n texts, Yclid, empty without an ad click.
        purchase_ids: makes n texts, several ids separated by a space.
    """

    start_epochs: Int64Array
    client_ids: UInt64Array
    user_ids: Callable[[], Sequence[str]]
    click_ids: Callable[[], Sequence[str]]
    purchase_ids: Callable[[], Sequence[str]]


class RowBlock(Protocol):
    """Some rows of one source, ready to be written column by column."""

    @property
    def row_count(self) -> int:
        """Number of rows."""
        ...

    def column(self, field_name: str, dialect: Dialect) -> list[str]:
        """One field of every row as the text Metrika would send."""
        ...

    def dates(self) -> list[str]:
        """Local day of every row, ``YYYY-MM-DD``."""
        ...


class TrafficSource(Protocol):
    """A place visits and hits come from."""

    def row_estimate(self, source: str, counter_id: int, first: dt.date, last: dt.date) -> int:
        """About how many rows a log of these days will have."""
        ...

    def iter_blocks(
        self, source: str, counter_id: int, first: dt.date, last: dt.date, edits: Edits
    ) -> Iterator[RowBlock]:
        """Every row of ``visits`` or ``hits`` whose local day is in the range, in no order."""
        ...

    def iter_heads(self, counter_id: int, day: dt.date) -> Iterator[VisitHeads]:
        """The identifiers of the visits that start on a day, some at a time."""
        ...

    def iter_labels(self, counter_id: int, day: dt.date) -> Iterator[Label]:
        """The truth about every visit of a day; nothing where it is not known."""
        ...

    def edit(self, counter_id: int, day: dt.date, visit_count: int, round_number: int) -> Int64Array:
        """Choose the visits of a day that change in the given round of edits."""
        ...


Edits = dict[dt.date, Int64Array]  # day -> numbers of the edited visits, once for each edit
NO_EDITS: Edits = {}


def empty_numbers() -> Int64Array:
    """No numbers at all."""
    return np.zeros(0, dtype=np.int64)
