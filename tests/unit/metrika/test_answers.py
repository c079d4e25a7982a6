from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.errors import QuotaExceeded, SourceError, SourceRejected, SourceUnavailable
from include.metrika.client.answers import (
    AnswerLost,
    ApiCall,
    ApiFault,
    ParallelQuota,
    read_fault,
    read_object,
    refused_fields,
    seconds_to_reset,
    to_error,
    unavailable,
)  # fmt: skip

CALL = ApiCall("show log request", 101, 7)
CREATE = ApiCall("create a log request", 101, is_creating=True)
NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


class TestReadObject:
    @pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
    def test_should_be_none_when_it_is_no_object(self, body: bytes) -> None:
        assert read_object(body) is None

    def test_should_read_when_it_is_one(self) -> None:
        assert read_object('{"имя": 1}'.encode()) == {"имя": 1}


class TestReadFault:
    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (200, {"counter": {}}, None),
            (200, None, None),
            (204, {}, None),
            (400, {"errors": [{"error_type": "invalid_parameter", "message": "m"}], "code": 400, "message": "n"},
             ApiFault(400, "invalid_parameter", "m")),
            (200, {"errors": [{"error_type": "e", "message": "m"}], "code": 403}, ApiFault(403, "e", "m")),
            (200, {"errors": [{"message": "m"}]}, ApiFault(502, "", "m")),
            (404, {"message": "top"}, ApiFault(404, "", "top")),
            (404, {"errors": ["text"], "message": "top"}, ApiFault(404, "", "top")),
            (503, None, ApiFault(503, "", "Service Unavailable")),
            (420, None, ApiFault(420, "", "no message")),
            (400, {"errors": [{"message": "two\n lines"}]}, ApiFault(400, "", "two lines")),
        ],
    )  # fmt: skip
    def test_should_read_what_is_there_when_parts_are_missing(
        self, status: int, body: dict[str, Any] | None, expected: ApiFault | None
    ) -> None:
        assert read_fault(status, body) == expected

    def test_should_cut_the_message_when_it_is_endless(self) -> None:
        fault = read_fault(400, {"message": "x" * 10_000})
        assert fault is not None
        assert len(fault.message) == 300


class TestM6ToError:
    @pytest.mark.parametrize(
        ("status", "error_type", "kind", "wait_seconds", "is_daily"),
        [
            (429, "quota_requests_by_ip", QuotaExceeded, 1, False),
            (420, "quota_requests_by_ip", QuotaExceeded, 1, False),
            (403, "quota_requests_by_ip", QuotaExceeded, 1, False),
            (429, "", QuotaExceeded, 1, False),
            (420, "quota_parallel_requests", ParallelQuota, 1, False),
            (429, "quota_requests_by_uid", QuotaExceeded, 12 * 3600 + 60, True),
            (403, "quota_requests_by_counter_id", QuotaExceeded, 12 * 3600 + 60, True),
            (429, "quota_delegate_requests", QuotaExceeded, 3600, False),
        ],
    )
    def test_should_be_a_quota_when_the_status_or_type_says_so(
        self, status: int, error_type: str, kind: type[QuotaExceeded], wait_seconds: float, is_daily: bool
    ) -> None:
        error = to_error(ApiFault(status, error_type, "m"), CALL, NOON)
        assert type(error) is kind
        assert (error.wait_seconds, error.is_daily) == (wait_seconds, is_daily)  # type: ignore[attr-defined]

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
    def test_should_be_retryable_when_the_server_fails(self, status: int) -> None:
        error = to_error(ApiFault(status, "backend_error", "m"), CALL)
        assert type(error) is SourceUnavailable

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 413])
    def test_should_be_final_with_everything_known_when_refused(self, status: int) -> None:
        error = to_error(ApiFault(status, "some_type", "their words"), CALL)
        assert isinstance(error, SourceRejected)
        assert not error.retryable
        assert (error.status, error.error_type, error.counter_id, error.request_id) == (status, "some_type", 101, 7)
        assert "their words" in error.message

    @pytest.mark.parametrize(
        ("status", "error_type", "advice"),
        [
            (401, "unauthorized", "put a valid OAuth token into METRIKA_TOKEN"),
            (403, "invalid_token", "put a valid OAuth token into METRIKA_TOKEN"),
            (403, "access_denied", "check METRIKA_COUNTER"),
            (404, "not_found", "check METRIKA_COUNTER"),
        ],
    )
    def test_should_say_what_to_do_when_it_is_about_access(self, status: int, error_type: str, advice: str) -> None:
        assert advice in str(to_error(ApiFault(status, error_type, "m"), ApiCall("list the goals", 101)))


class TestUnavailable:
    @pytest.mark.parametrize(
        ("call", "is_sent", "kind"),
        [(CALL, True, SourceUnavailable), (CREATE, True, AnswerLost), (CREATE, False, SourceUnavailable)],
    )
    def test_should_be_a_lost_answer_when_a_creating_call_was_sent(
        self, call: ApiCall, is_sent: bool, kind: type[SourceError]
    ) -> None:
        assert type(unavailable(call, "was silent", is_sent=is_sent)) is kind


class TestSecondsToReset:
    @pytest.mark.parametrize(
        ("now", "seconds"),
        [
            (dt.datetime(2026, 11, 21, 23, 59, 30, tzinfo=dt.UTC), 30 + 60),
            (dt.datetime(2026, 11, 21, 0, 0, tzinfo=dt.UTC), 86_400 + 60),
            (dt.datetime(2026, 11, 21, 2, 0, tzinfo=dt.timezone(dt.timedelta(hours=3))), 3600 + 60),
        ],
    )
    def test_should_aim_past_midnight_gmt_when_asked(self, now: dt.datetime, seconds: float) -> None:
        assert seconds_to_reset(now) == seconds


class TestM12RefusedFields:
    @pytest.mark.parametrize(
        ("message", "named"),
        [
            ("Unknown field ym:s:bounce for source visits", ("ym:s:bounce",)),
            ("Unknown fields: ym:s:dateTime, ym:s:bounce", ("ym:s:dateTime", "ym:s:bounce")),
            ("Unknown field ym:s:dateTimeUTC", ()),
            ("date2 must be earlier than today", ()),
        ],
    )
    def test_should_name_whole_names_only_when_one_is_part_of_another(
        self, message: str, named: tuple[str, ...]
    ) -> None:
        error = SourceRejected(message, status=400)
        assert refused_fields(error, ("ym:s:date", "ym:s:dateTime", "ym:s:bounce")) == named

    def test_should_name_none_when_the_refusal_is_no_400(self) -> None:
        assert refused_fields(SourceRejected("ym:s:date", status=403), ("ym:s:date",)) == ()
