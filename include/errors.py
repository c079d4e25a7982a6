"""Every error the product raises on purpose.

::

    CounterflowError
    ├─ ConfigError                 final: names the setting and what to put there
    ├─ ServiceError                final: a local engine or Airflow cannot start or stop
    ├─ SourceError                 carries counter, day, request id
    │  ├─ SourceUnavailable        retryable: time-out, dropped connection, 5xx
    │  ├─ QuotaExceeded            retryable after ``wait_seconds``
    │  ├─ SourceRejected           final: the API said no, its message is kept
    │  ├─ SourceRequestFailed      retryable: this log request ended badly, a new one may succeed
    │  └─ SourceDataError          final: part, line, column
    ├─ StoreError
    │  ├─ StoreUnavailable         retryable: ClickHouse or PostgreSQL cannot be reached
    │  ├─ StoreBusy                retryable after ``wait_seconds``: full, or too much at once (``code``)
    │  ├─ RowsRefused              final: ClickHouse cannot read rows that it was given
    │  └─ StoreConflict            final: the store holds something that contradicts the request
    ├─ ModelError                  final: model missing, digest differs, features differ
    ├─ MetricsDisagree             final: ClickHouse and pandas calculated different values of a metric
    ├─ TooManyRequests             retryable after ``wait_seconds``: a limit of ours is used up (``code``)
    └─ InputError                  final: what the caller gave is wrong (``pointer``, ``code``)
       ├─ CredentialsRefused       final: a password or token does not open anything (``code``)
       └─ DayNotReady              final: an earlier stage of the day has not run
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar


class CounterflowError(Exception):
    """Base of all product errors; the message is one sentence a person can act on.

    Args:
        message: what was wrong, where, and what to do next; never holds a secret.
    """

    retryable: ClassVar[bool] = False
    wait_seconds: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(CounterflowError):
    """A setting is missing or has an impossible value; the message names it."""


class ServiceError(CounterflowError):
    """An engine or Airflow on this machine could not be started or stopped."""


class SourceError(CounterflowError):
    """Something went wrong between us and Metrika.

    Args:
        message: one sentence, without the token.
        counter_id: counter asked, when known.
        day: day asked, local to the counter, when known.
        request_id: log request or upload id at Metrika, when known.
    """

    def __init__(
        self,
        message: str,
        *,
        counter_id: int | None = None,
        day: dt.date | None = None,
        request_id: int | str | None = None,
    ) -> None:
        super().__init__(message)
        self.counter_id = counter_id
        self.day = day
        self.request_id = request_id


class SourceUnavailable(SourceError):
    """Metrika cannot be reached or answers 5xx; trying again later may help."""

    retryable = True


class QuotaExceeded(SourceError):
    """Metrika's quota is used up.

    Args:
        message: one sentence.
        wait_seconds: how long to wait before the next try.
        is_daily: True for the 5000-a-day quotas that reset at 00:00 GMT.
        counter_id: counter asked, when known.
    """

    retryable = True

    def __init__(
        self, message: str, *, wait_seconds: float, is_daily: bool = False, counter_id: int | None = None
    ) -> None:
        super().__init__(message, counter_id=counter_id)
        self.wait_seconds = wait_seconds
        self.is_daily = is_daily


class SourceRejected(SourceError):
    """Metrika refused the request for good; the same request would be refused again.

    Args:
        message: one sentence with the API's own message.
        status: HTTP status.
        error_type: ``errors[0].error_type`` of the answer, or an empty text.
        counter_id: counter asked, when known.
        request_id: log request or upload id, when known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        error_type: str = "",
        counter_id: int | None = None,
        request_id: int | str | None = None,
    ) -> None:
        super().__init__(message, counter_id=counter_id, request_id=request_id)
        self.status = status
        self.error_type = error_type


class SourceRequestFailed(SourceError):
    """A log request reached a terminal status other than processed; a new request may succeed."""

    retryable = True


class SourceDataError(SourceError):
    """The data Metrika sent contradicts itself or holds too many unusable rows."""


class StoreError(CounterflowError):
    """Base of errors of the two stores."""


class StoreUnavailable(StoreError):
    """ClickHouse or PostgreSQL cannot be reached."""

    retryable = True


class StoreBusy(StoreError):
    """A store is full, or too much is asked of it at once; nothing was stored.

    Args:
        message: one sentence.
        code: short machine-readable reason.
        wait_seconds: how long to wait before the next try.
    """

    retryable = True

    def __init__(self, message: str, *, code: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.code = code
        self.wait_seconds = wait_seconds


class RowsRefused(StoreError):
    """ClickHouse cannot read rows that it was given; the same rows would be refused again."""


class StoreConflict(StoreError):
    """A store holds something that contradicts what was asked."""


class ModelError(CounterflowError):
    """A model is missing, damaged, or wants features that do not exist."""


class MetricsDisagree(CounterflowError):
    """The two engines calculated different values of a metric; nothing was stored."""


class TooManyRequests(CounterflowError):
    """A limit of this installation is used up for now.

    Args:
        message: one sentence.
        wait_seconds: how long to wait before the next try.
        code: short machine-readable reason.
    """

    retryable = True

    def __init__(self, message: str, *, wait_seconds: float, code: str = "rate_limited") -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.code = code


class InputError(CounterflowError):
    """What the caller gave is wrong.

    Args:
        message: one sentence.
        code: short machine-readable reason.
        pointer: JSON pointer or option name of the wrong value.
    """

    def __init__(self, message: str, *, code: str = "invalid", pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.pointer = pointer


class CredentialsRefused(InputError):
    """A password or token opens nothing; the message gives no hint which part was wrong."""


class DayNotReady(InputError):
    """A stage was asked for a day whose earlier stage has not finished."""
