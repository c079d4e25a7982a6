"""Retries by kind of error: what may pass is tried again when it may have passed, all else fails at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

from include.errors import CounterflowError

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 1800.0  # server trouble lasts seconds, a restart minutes
WAIT_GROWTH = 4.0


class RetryByKind(RetryPolicy):
    """Quota waits as long as the error says, trouble with servers backs off, wrong requests fail."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide after a failed try.

        Args:
            exception: what the try ended with.
            try_number: from 1.
            max_tries: tries allowed; Airflow itself stops there.
            context: unused.

        Returns:
            Retry with a wait, fail, or Airflow's usual way for errors that are not the product's.
        """
        if not isinstance(exception, CounterflowError):
            return RetryDecision.default()
        if not exception.retryable:
            return RetryDecision.fail(exception.message)
        wait_seconds = exception.wait_seconds
        if wait_seconds is None:
            wait_seconds = min(FIRST_WAIT_SECONDS * WAIT_GROWTH ** (try_number - 1), LONGEST_WAIT_SECONDS)
        return RetryDecision.retry(dt.timedelta(seconds=wait_seconds), exception.message)

    def serialize(self) -> dict[str, Any]:
        """Name the policy; it has no settings."""
        return {"__type": type(self).__name__}
