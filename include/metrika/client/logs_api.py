"""The Logs API: counters, log requests, parts. One method per call, no decisions.

Source:
    "Logs API" pages; where real answers differ from them, every shape is read (see shapes.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

from include.errors import SourceRejected, SourceRequestFailed
from include.metrika.client.answers import ApiCall
from include.metrika.client.log_orders import (
    FAILED,
    PROCESSED,
    STORE_BYTES,
    WAITING,
    CounterInfo,
    Evaluation,
    LogOrder,
    LogPart,
    LogRequest,
    read_request,
)  # fmt: skip
from include.metrika.client.quota import LOGS
from include.metrika.client.session import MetrikaSession, PartStream
from include.metrika.client.shapes import iter_objects, read_int, read_text, take_object
from include.metrika.client.transport import HttpCall

__all__ = [
    "FAILED", "PROCESSED", "WAITING", "CounterInfo", "Evaluation", "LogOrder", "LogPart", "LogRequest", "LogsApi",
]  # fmt: skip


NOT_READY = "Only log of requests in status 'processed' can be downloaded"  # the API's own words


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
        return read_request(take_object(body, "log_request", str(call)), order.counter_id, str(call))

    def list(self, counter_id: int) -> tuple[LogRequest, ...]:
        """List the requests of every login with access, in any state.

        Args:
            counter_id: the counter.

        Returns:
            The requests in the order of the answer.
        """
        call = ApiCall("list the log requests", counter_id)
        body = self._session.call(call, HttpCall("GET", "/logrequests"), family=LOGS)
        return tuple(read_request(shape, counter_id, str(call)) for shape in iter_objects(body, "requests"))

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
            SourceRequestFailed: the request was cleaned or has gone meanwhile; a new one may be made.
        """
        call = ApiCall(f"download part {number} of log request", request.counter_id, request.request_id)
        http = HttpCall(
            "GET",
            f"/logrequest/{request.request_id}/part/{number}/download",
            headers={"Accept": "*/*", "Accept-Encoding": "gzip" if accept_gzip else "identity"},
        )
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(self._session.download(call, http, family=LOGS))
            except SourceRejected as error:
                if not _has_ended(error):
                    raise
                raise SourceRequestFailed(
                    f"Log request {request.request_id} of counter {request.counter_id} was cleaned at Metrika while "
                    f"it was being downloaded ({error.status}); run the load again to order a new one.",
                    counter_id=request.counter_id, request_id=request.request_id,
                ) from None  # fmt: skip
            yield stream

    def _act(self, action: str, method: str, counter_id: int, request_id: int, end: str) -> LogRequest:
        call = ApiCall(action, counter_id, request_id)
        body = self._session.call(call, HttpCall(method, f"/logrequest/{request_id}{end}"), family=LOGS)
        return read_request(take_object(body, "log_request", str(call)), counter_id, str(call))


def _has_ended(error: SourceRejected) -> bool:
    """Whether a refused download means that the request itself is no more, so that a new one helps."""
    return error.status == HTTPStatus.NOT_FOUND or NOT_READY in error.message
