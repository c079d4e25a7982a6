from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from include.errors import SourceRejected, SourceRequestFailed
from include.metrika.client.logs_api import LogPart, LogRequest, LogsApi

DAY = dt.date(2026, 11, 10)
REQUEST = LogRequest(7, 101, "visits", DAY, DAY, ("ym:s:visitID",), "processed", 5, (LogPart(0, 5),))


def refusal(status: int, error_type: str, message: str) -> str:
    error = {"error_type": error_type, "message": message}
    return json.dumps({"errors": [error], "code": status, "message": message})


class TestM7EndedWhileDownloading:
    @pytest.mark.parametrize(
        ("status", "error_type", "message"),
        [
            (404, "not_found", "Log request not found"),
            (400, "invalid_parameter", "Only log of requests in status 'processed' can be downloaded"),
        ],
    )
    def test_should_ask_for_a_new_request_when_it_was_cleaned_meanwhile(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Callable[..., Any],
        status: int, error_type: str, message: str,
    ) -> None:  # fmt: skip
        server = scripted(script_answer(status, refusal(status, error_type, message)))
        with (
            pytest.raises(SourceRequestFailed, match="request 7 of counter 101 was cleaned") as caught,
            LogsApi(connect(server.url)).open_part(REQUEST, 0),
        ):
            pass
        assert caught.value.retryable

    def test_should_stay_refused_when_the_part_does_not_exist(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Callable[..., Any]
    ) -> None:
        server = scripted(script_answer(400, refusal(400, "invalid_parameter", "Incorrect part number")))
        with (
            pytest.raises(SourceRejected, match="Incorrect part number"),
            LogsApi(connect(server.url)).open_part(REQUEST, 9),
        ):
            pass
