"""Calls to Metrika: the quota before, the retries around, the error tree after."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from tenacity import RetryCallState, Retrying, stop_never

from include.errors import CounterflowError, SourceError, SourceRejected
from include.metrika.client.answers import ApiCall, ParallelQuota, read_fault, read_object, to_error, unavailable
from include.metrika.client.quota import MANAGEMENT, QuotaGate
from include.metrika.client.retry import RetryPolicy, should_retry, wait_seconds
from include.metrika.client.transport import HttpCall, NoAnswer, Transport, check_token, iter_undecoded
from include.settings import MetrikaSettings

logger = logging.getLogger(__name__)

COUNTER_PATH = "/management/v1/counter/{counter_id}"
Result = TypeVar("Result")


class PartStream:
    """The body of one download, as it comes over the wire.

    Args:
        answer: the streamed answer.
        call: what was asked, for messages.
    """

    def __init__(self, answer: requests.Response, call: ApiCall) -> None:
        self._answer = answer
        self._call = call
        self.encoding = "gzip" if "gzip" in answer.headers.get("Content-Encoding", "").lower() else "identity"
        self.received_bytes = 0

    def __reduce__(self) -> str:
        """Refuse to be pickled: a socket does not travel."""
        raise TypeError("A download is not pickled.")

    def iter_raw(self) -> Iterator[bytes]:
        """Read the body; not decoded, so that bytes can be passed on as they are.

        Yields:
            Blocks of bytes in the encoding of :attr:`encoding`.

        Raises:
            SourceUnavailable: the connection broke before the end; what came so far is incomplete.
        """
        for block in iter_undecoded(self._answer):
            if isinstance(block, NoAnswer):
                raise unavailable(self._call, f"{block.cause} after {self.received_bytes} bytes")
            self.received_bytes += len(block)
            yield block


class MetrikaSession:
    """Transport, quota, retries and errors of one token.

    Args:
        settings: Metrika side; needs a token.
        quota: the gate every request passes.
        policy: how patient one call is.
        sleep: waits so many seconds.

    Raises:
        ConfigError: no usable token or address.
    """

    def __init__(
        self,
        settings: MetrikaSettings,
        quota: QuotaGate,
        *,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(settings.api_url, check_token(settings.token))
        self._quota = quota
        self._policy = policy or RetryPolicy()
        self._sleep = sleep

    def __repr__(self) -> str:
        """Name the address; the token is nobody's business."""
        transport = getattr(self, "_transport", None)  # absent while the token is being checked
        return f"MetrikaSession({transport.host if transport else ''})"

    def __reduce__(self) -> str:
        """Refuse to be pickled: the token would go along."""
        raise TypeError("A Metrika session is not pickled; make one from the settings where it is used.")

    def call(
        self, call: ApiCall, http: HttpCall, *, family: str = MANAGEMENT, body: Callable[[], Any] | None = None
    ) -> Mapping[str, Any]:
        """Make a call that answers with a JSON object.

        Args:
            call: what it does, for messages and for how it may be repeated.
            http: the request; its path follows the counter's.
            family: rate group, LOGS or MANAGEMENT.
            body: makes the streamed body, anew for each try.

        Returns:
            The object of the answer.

        Raises:
            QuotaExceeded: a quota that waiting here cannot help.
            SourceRejected: Metrika refused; its message is kept.
            SourceUnavailable: no usable answer after all tries; AnswerLost when a creating call may
                have been carried out.
        """

        def once() -> Mapping[str, Any]:
            """One try."""
            request = replace(http, data=body()) if body else http
            with self._quota.slot():
                answer = self._send(call, request, family)
                return self._object(call, answer)

        return self._retry(once)

    @contextmanager
    def download(self, call: ApiCall, http: HttpCall, *, family: str = MANAGEMENT) -> Iterator[PartStream]:
        """Open a download; one of the parallel requests is held until the block ends.

        Args:
            call: what it does.
            http: the request; its path follows the counter's.
            family: rate group.

        Yields:
            The body.

        Raises:
            SourceError: as for :meth:`call`.
        """

        def once() -> tuple[requests.Response, ExitStack]:
            """One try."""
            with ExitStack() as stack:
                stack.enter_context(self._quota.slot())
                answer = self._send(call, replace(http, is_streamed=True), family)
                stack.callback(answer.close)
                if answer.status_code != HTTPStatus.OK:
                    self._object(call, answer)
                return answer, stack.pop_all()

        answer, stack = self._retry(once)
        with stack:
            yield PartStream(answer, call)

    def _send(self, call: ApiCall, http: HttpCall, family: str) -> requests.Response:
        path = COUNTER_PATH.format(counter_id=call.counter_id) + http.path
        started = time.monotonic()
        with self._quota.rate(family):
            answer = self._transport.send(replace(http, path=path))
        seconds = time.monotonic() - started
        if isinstance(answer, NoAnswer):
            logger.info("%s %s: Metrika %s, %.2f s", http.method, path, answer.cause, seconds)
            raise unavailable(call, answer.cause, is_sent=answer.is_sent)
        logger.debug("%s %s: %d, %.2f s", http.method, path, answer.status_code, seconds)
        return answer

    def _object(self, call: ApiCall, answer: requests.Response) -> Mapping[str, Any]:
        """The JSON object of an answer, or the error it means."""
        content = self._transport.read(answer)
        if content is None:
            raise unavailable(call, "broke the connection in the middle of an answer")
        body = read_object(content)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
            raise SourceRejected(
                f"{self._transport.host} redirects elsewhere when asked to {call}; the token is not sent there. "
                "Put the final address into METRIKA_API_URL.",
                status=answer.status_code, counter_id=call.counter_id,
            )  # fmt: skip
        fault = read_fault(answer.status_code, body)
        if fault is not None:
            raise to_error(fault, call)
        if body is None:
            raise unavailable(call, f"answered {answer.status_code} with something that is not JSON")
        return body

    def _retry(self, once: Callable[[], Result]) -> Result:
        retrying = Retrying(
            stop=stop_never,  # should_retry counts the tries
            retry=lambda state: should_retry_state(state, self._policy),
            wait=lambda state: self._pause(state),
            before_sleep=_log_retry,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(once)

    def _pause(self, state: RetryCallState) -> float:
        error = _error_of(state)
        seconds = wait_seconds(error, state.attempt_number, self._policy, random.random())
        if isinstance(error, ParallelQuota):
            self._quota.wait_for_slot_end(seconds)
            return 0.0
        return seconds


def should_retry_state(state: RetryCallState, policy: RetryPolicy) -> bool:
    """Ask :func:`include.metrika.client.retry.should_retry` about a finished try.

    Args:
        state: the try, as the retry library sees it.
        policy: how patient to be.

    Returns:
        Whether the call is made again.
    """
    failed = state.outcome is not None and state.outcome.failed
    error = state.outcome.exception() if state.outcome and failed else None
    return isinstance(error, CounterflowError) and should_retry(error, state.attempt_number, policy)


def _error_of(state: RetryCallState) -> CounterflowError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, CounterflowError) else SourceError("Metrika gave no answer.")


def _log_retry(state: RetryCallState) -> None:
    seconds = state.next_action.sleep if state.next_action else 0.0
    logger.warning("try %d failed, next in %.1f s: %s", state.attempt_number, seconds, _error_of(state))
