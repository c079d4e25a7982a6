"""What the Logs API is asked for and what it answers: plain values, read from any documented shape."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.metrika.client.shapes import Json, iter_objects, need_int, read_date, read_int, read_names, read_text

STORE_BYTES = 10_737_418_240  # documented room for prepared logs of one counter
WAITING = frozenset({"created", "awaiting_retry"})
PROCESSED = "processed"
FAILED = frozenset({"canceled", "processing_failed", "cleaned_by_user", "cleaned_automatically_as_too_old"})
_KNOWN = WAITING | FAILED | {PROCESSED}


@dataclass(frozen=True)
class CounterInfo:
    """A counter as Metrika shows it.

    Attributes:
        counter_id: its id.
        name: its name.
        time_zone: IANA zone of its days.
    """

    counter_id: int
    name: str
    time_zone: str


@dataclass(frozen=True)
class LogOrder:
    """What to export.

    Attributes:
        counter_id: the counter.
        source: ``visits`` or ``hits``.
        first_date: first local day.
        last_date: last local day, included.
        fields: API names in the order of the columns.
    """

    counter_id: int
    source: str
    first_date: dt.date
    last_date: dt.date
    fields: tuple[str, ...]

    @property
    def params(self) -> dict[str, str]:
        """Query parameters of evaluate and create."""
        return {
            "date1": self.first_date.isoformat(),
            "date2": self.last_date.isoformat(),
            "source": self.source,
            "fields": ",".join(self.fields),
        }

    def __str__(self) -> str:
        """The order in words, for messages and logs."""
        return f"{self.source} of counter {self.counter_id}, {self.first_date} to {self.last_date}"


@dataclass(frozen=True)
class LogPart:
    """One part of a prepared log.

    Attributes:
        number: its number, from 0.
        size_bytes: bytes of the decoded rows without the header line; None when not told.
    """

    number: int
    size_bytes: int | None


@dataclass(frozen=True)
class LogRequest:
    """A log request as Metrika shows it.

    Attributes:
        request_id: its number.
        counter_id: the counter.
        source: ``visits`` or ``hits``.
        first_date: first local day; None when the answer does not say.
        last_date: last local day.
        fields: API names.
        status: word of the API.
        size_bytes: bytes of all parts; 0 until processed.
        parts: prepared parts; empty until processed, and for an empty day.
    """

    request_id: int
    counter_id: int
    source: str
    first_date: dt.date | None
    last_date: dt.date | None
    fields: tuple[str, ...]
    status: str
    size_bytes: int
    parts: tuple[LogPart, ...]

    def matches(self, order: LogOrder) -> bool:
        """Whether this is exactly what the order asks for."""
        return (self.source, self.first_date, self.last_date, self.fields) == (
            order.source, order.first_date, order.last_date, order.fields
        )  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What Metrika says of an order before it is made.

    Attributes:
        is_possible: the order can be made now.
        max_day_count: how many days of such an order can be made; may be 0 or negative; None when
            not told.
        expected_bytes: estimate of the size, several times too low in practice; None when not told.
        stored_bytes: bytes of prepared logs the counter's store holds; None when not told.
        limit_bytes: room of the store.
    """

    is_possible: bool
    max_day_count: int | None
    expected_bytes: int | None
    stored_bytes: int | None
    limit_bytes: int = STORE_BYTES


def read_request(shape: Json, counter_id: int, asked: str) -> LogRequest:
    """Read a ``log_request`` object.

    Args:
        shape: the object.
        counter_id: counter of the path, should the object not name it.
        asked: what was asked, for messages.

    Returns:
        The request.

    Raises:
        SourceDataError: it has no number.
    """
    parts = tuple(
        LogPart(need_int(part, "part_number", asked), read_int(part, "size")) for part in iter_objects(shape, "parts")
    )
    return LogRequest(
        request_id=need_int(shape, "request_id", asked),
        counter_id=read_int(shape, "counter_id") or counter_id,
        source=read_text(shape, "source"),
        first_date=read_date(shape, "date1"),
        last_date=read_date(shape, "date2"),
        fields=read_names(shape, "fields"),
        status=_status_of(read_text(shape, "status")),
        size_bytes=read_int(shape, "size") or 0,
        parts=parts,
    )


def _status_of(word: str) -> str:
    """A known word in its usual letter case; an unknown one as it came, for the message it ends in."""
    return word.lower() if word.lower() in _KNOWN else word
