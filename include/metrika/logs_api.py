"""The Logs API: counters, log requests, parts. One method per call, no decisions.

Source:
    "Logs API" pages; where real answers differ from them, every shape is read (see shapes.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from include.metrika.answers import ApiCall
from include.metrika.quota import LOGS
from include.metrika.session import MetrikaSession, PartStream
from include.metrika.shapes import (
    Json,
    iter_objects,
    need_int,
    read_date,
    read_int,
    read_names,
    read_text,
    take_object,
)  # fmt: skip
from include.metrika.transport import HttpCall

STORE_BYTES = 10_737_418_240  # documented room for prepared logs of one counter
WAITING = frozenset({"created", "awaiting_retry"})
PROCESSED = "processed"
FAILED = frozenset({"canceled", "processing_failed", "cleaned_by_user", "cleaned_automatically_as_too_old"})


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


def _read_request(shape: Json, counter_id: int, asked: str) -> LogRequest:
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
        status=read_text(shape, "status"),
        size_bytes=read_int(shape, "size") or 0,
        parts=parts,
    )


class LogsApi:
    """The calls of the Logs API.

    Args:
        session: transport, quota and retries.
    """

    def __init__(self, session: MetrikaSession) -> None:
        self._session = session

    def counter(self, counter_id: int) -> CounterInfo:
        """Ask for a counter; the only call that tells its zone.

        Args:
            counter_id: the counter.

        Returns:
            Its name and zone.

        Raises:
            SourceRejected: no such counter, no access, or a wrong token.
        """
        call = ApiCall("show the counter", counter_id)
        shape = take_object(self._session.call(call, HttpCall("GET", "")), "counter", str(call))
        zone = read_text(shape, "time_zone_name") or "Europe/Moscow"  # Metrika's own default
        return CounterInfo(counter_id, read_text(shape, "name"), zone)

    def evaluate(self, order: LogOrder) -> Evaluation:
        """Ask whether an order can be made.

        Args:
            order: what to export.

        Returns:
            Metrika's answer; keys it leaves out are None.
        """
        call = ApiCall("evaluate a log request", order.counter_id)
        body = self._session.call(call, HttpCall("GET", "/logrequests/evaluate", params=order.params), family=LOGS)
        shape = take_object(body, "log_request_evaluation", str(call))
        return Evaluation(
            is_possible=shape.get("possible") is not False,
            max_day_count=read_int(shape, "max_possible_day_quantity"),
            expected_bytes=read_int(shape, "expected_size"),
            stored_bytes=read_int(shape, "log_request_sum_size"),
            limit_bytes=read_int(shape, "log_request_sum_max_size") or STORE_BYTES,
        )

    def create(self, order: LogOrder) -> LogRequest:
        """Order an export; never repeated blindly.

        Args:
            order: what to export.

        Returns:
            The new request.

        Raises:
            AnswerLost: the request may exist; look at :meth:`list` before ordering again.
            SourceRejected: refused.
        """
        call = ApiCall("create a log request", order.counter_id, is_creating=True)
        body = self._session.call(call, HttpCall("POST", "/logrequests", params=order.params), family=LOGS)
        return _read_request(take_object(body, "log_request", str(call)), order.counter_id, str(call))

    def list(self, counter_id: int) -> tuple[LogRequest, ...]:
        """List the requests of every login with access, in any state.

        Args:
            counter_id: the counter.

        Returns:
            The requests in the order of the answer.
        """
        call = ApiCall("list the log requests", counter_id)
        body = self._session.call(call, HttpCall("GET", "/logrequests"), family=LOGS)
        return tuple(_read_request(shape, counter_id, str(call)) for shape in iter_objects(body, "requests"))

    def get(self, counter_id: int, request_id: int) -> LogRequest:
        """Show one request.

        Args:
            counter_id: the counter.
            request_id: the request.

        Returns:
            Its present state.

        Raises:
            SourceRejected: status 404 when it does not exist any more.
        """
        return self._act("show log request", "GET", counter_id, request_id, "")

    def clean(self, counter_id: int, request_id: int) -> LogRequest:
        """Free the store of a processed request.

        Args:
            counter_id: the counter.
            request_id: the request.

        Returns:
            Its state after that.
        """
        return self._act("clean log request", "POST", counter_id, request_id, "/clean")

    def cancel(self, counter_id: int, request_id: int) -> LogRequest:
        """Cancel a request that is not processed yet.

        Args:
            counter_id: the counter.
            request_id: the request.

        Returns:
            Its state after that.
        """
        return self._act("cancel log request", "POST", counter_id, request_id, "/cancel")

    @contextmanager
    def open_part(self, request: LogRequest, number: int, *, accept_gzip: bool = True) -> Iterator[PartStream]:
        """Download one part; a parallel request of the quota is held meanwhile.

        Args:
            request: a processed request.
            number: the part's number.
            accept_gzip: ask for compressed bytes; otherwise identity.

        Yields:
            The undecoded body.

        Raises:
            SourceUnavailable: the connection broke, also while the body is read.
        """
        call = ApiCall(f"download part {number} of log request", request.counter_id, request.request_id)
        http = HttpCall(
            "GET",
            f"/logrequest/{request.request_id}/part/{number}/download",
            headers={"Accept": "*/*", "Accept-Encoding": "gzip" if accept_gzip else "identity"},
        )
        with self._session.download(call, http, family=LOGS) as stream:
            yield stream

    def _act(self, action: str, method: str, counter_id: int, request_id: int, end: str) -> LogRequest:
        call = ApiCall(action, counter_id, request_id)
        body = self._session.call(call, HttpCall(method, f"/logrequest/{request_id}{end}"), family=LOGS)
        return _read_request(take_object(body, "log_request", str(call)), counter_id, str(call))
