"""Retries by kind of error, as the worker asks for them."""

from __future__ import annotations

import datetime as dt

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from dags.wiring.retries import RetryByKind
from include.errors import (
    ConfigError,
    CounterflowError,
    DayNotReady,
    ModelError,
    QuotaExceeded,
    SourceDataError,
    SourceRejected,
    SourceRequestFailed,
    SourceUnavailable,
    StoreConflict,
    StoreUnavailable,
)

PASSING = (SourceUnavailable("a"), StoreUnavailable("a"), SourceRequestFailed("a"))
FINAL = (
    ConfigError("a"),
    DayNotReady("a"),
    ModelError("a"),
    SourceDataError("a"),
    SourceRejected("a", status=404),
    StoreConflict("a"),
)


class TestRetryByKind:
    @pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
    def test_should_back_off_when_the_trouble_may_pass(self, error: CounterflowError) -> None:
        waits = [RetryByKind().evaluate(error, number, 4).retry_delay for number in (1, 2, 3, 4, 5)]
        assert [wait.total_seconds() for wait in waits if wait] == [30, 120, 480, 1800, 1800]

    @pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
    def test_should_fail_at_once_when_no_retry_can_help(self, error: CounterflowError) -> None:
        decision = RetryByKind().evaluate(error, 1, 4)
        assert (decision.action, decision.reason) == (RetryAction.FAIL, "a")

    def test_should_wait_for_the_new_quota_when_the_daily_one_is_used_up(self) -> None:
        error = QuotaExceeded("a", wait_seconds=7_200.0, is_daily=True)
        decision = RetryByKind().evaluate(error, 3, 4)
        assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, dt.timedelta(hours=2))

    def test_should_leave_foreign_errors_to_airflow(self) -> None:
        assert RetryByKind().evaluate(ValueError("a"), 1, 4).action == RetryAction.DEFAULT
