from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from include.errors import QuotaExceeded, SourceRejected, SourceUnavailable
from include.metrika.client.answers import AnswerLost, ApiCall
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.session import MetrikaSession
from include.metrika.client.transport import HttpCall
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle

Connect = Callable[..., MetrikaSession]
Serve = Callable[..., SandboxHandle]
ASK = ApiCall("list the goals", 101)
CREATE = ApiCall("create a goal", 101, is_creating=True)
GET = HttpCall("GET", "/goals")
POST = HttpCall("POST", "/goals", json={"goal": {}})


def envelope(status: int, error_type: str, message: str = "said so") -> str:
    return json.dumps({"errors": [{"error_type": error_type, "message": message}], "code": status})


class TestM6Retries:
    @pytest.mark.parametrize("status", [429, 420, 403])
    def test_should_try_again_when_the_rate_quota_is_hit(self, serve: Serve, connect: Connect, status: int) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=status, error_type="quota_requests_by_ip", times=1)
        assert "goals" in connect(sandbox.url).call(ASK, GET)

    def test_should_try_again_when_too_many_are_in_flight(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=429, error_type="quota_parallel_requests", times=2)
        assert "goals" in connect(sandbox.url).call(ASK, GET)

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
    def test_should_try_again_when_metrika_is_down_for_a_moment(
        self, serve: Serve, connect: Connect, status: int
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=status, times=3)
        assert "goals" in connect(sandbox.url).call(ASK, GET)

    def test_should_give_up_after_bounded_tries_when_it_stays_down(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=503, times=1000)
        with pytest.raises(SourceUnavailable, match="503"):
            connect(sandbox.url).call(ASK, GET)
        assert sandbox.stats()["requests"]["GET goals"] == 6

    def test_should_name_the_address_when_nobody_listens(self, connect: Connect) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(SourceUnavailable, match=f"cannot be reached at 127.0.0.1:{port}.*METRIKA_API_URL"):
            connect(f"http://127.0.0.1:{port}").call(ASK, GET)

    @pytest.mark.parametrize("error_type", ["quota_requests_by_uid", "quota_requests_by_counter_id"])
    def test_should_hand_over_at_once_when_the_quota_is_daily(
        self, serve: Serve, connect: Connect, error_type: str
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=429, error_type=error_type, times=1000)
        with pytest.raises(QuotaExceeded, match="00:00 GMT") as caught:
            connect(sandbox.url).call(ASK, GET)
        assert caught.value.is_daily
        assert 0 < (caught.value.wait_seconds or 0) <= 86_400 + 60
        assert sandbox.stats()["requests"]["GET goals"] == 1

    def test_should_reach_the_daily_quota_of_the_sandbox_when_it_is_used_up(
        self, serve: Serve, connect: Connect
    ) -> None:
        sandbox = serve(faults=Faults(daily_used=5000))
        with pytest.raises(QuotaExceeded) as caught:
            connect(sandbox.url).call(ASK, GET)
        assert caught.value.is_daily

    def test_should_survive_when_faults_are_frequent(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve(faults=Faults(quota_share=0.1, server_error_share=0.1, reset_share=0.05))
        session = connect(sandbox.url)
        assert all("goals" in session.call(ASK, GET) for _ in range(20))


class TestM6Refusals:
    @pytest.mark.parametrize(
        ("status", "error_type"),
        [(400, "invalid_parameter"), (406, "not_acceptable"), (409, "conflict"), (413, ""), (404, "not_found")],
    )
    def test_should_fail_at_once_with_the_message_when_refused(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect, status: int,
        error_type: str,
    ) -> None:  # fmt: skip
        server = scripted(script_answer(status, envelope(status, error_type, "no such thing")))
        with pytest.raises(SourceRejected, match="no such thing") as caught:
            connect(server.url).call(ASK, GET)
        assert (caught.value.status, caught.value.error_type, len(server.seen)) == (status, error_type, 1)

    @pytest.mark.parametrize("bad_token_status", [401, 403])
    def test_should_say_where_the_token_goes_when_it_is_wrong(
        self, serve: Serve, connect: Connect, bad_token_status: int
    ) -> None:
        sandbox = serve(faults=Faults(bad_token_status=bad_token_status))
        with pytest.raises(SourceRejected, match="METRIKA_TOKEN or the connection metrika_default"):
            connect(sandbox.url, token="wrong").call(ASK, GET)
        assert sandbox.stats()["statuses"] == {str(bad_token_status): 1}

    def test_should_name_the_setting_when_the_counter_is_unknown(self, serve: Serve, connect: Connect) -> None:
        with pytest.raises(SourceRejected, match=r"Counter 999 is not known.*METRIKA_COUNTER"):
            LogsApi(connect(serve().url)).counter(999)

    def test_should_name_both_when_access_is_denied(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(403, envelope(403, "access_denied")))
        with pytest.raises(SourceRejected, match="no access to counter 101"):
            connect(server.url).call(ASK, GET)

    def test_should_read_the_body_when_the_status_is_200(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(200, envelope(400, "query_error", "too wide")))
        with pytest.raises(SourceRejected, match="400 query_error: too wide"):
            connect(server.url).call(ASK, GET)

    @pytest.mark.parametrize("body", ["", "<html>oops</html>", "[1, 2]", '{"errors": "x"}'])
    def test_should_use_the_status_when_the_body_is_no_envelope(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect, body: str
    ) -> None:
        server = scripted(script_answer(503, body))
        with pytest.raises(SourceUnavailable, match="503: Service Unavailable"):
            connect(server.url).call(ASK, GET)

    def test_should_say_so_when_a_success_is_not_json(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(200, "<html>log in</html>"))
        with pytest.raises(SourceUnavailable, match=r"not JSON.*METRIKA_API_URL"):
            connect(server.url).call(ASK, GET)

    def test_should_not_follow_when_redirected_elsewhere(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        other = scripted(script_answer(200, "{}"))
        server = scripted(script_answer(302, "", {"Location": other.url + "/stolen"}))
        with pytest.raises(SourceRejected, match="redirects elsewhere"):
            connect(server.url).call(ASK, GET)
        assert other.seen == []


class TestM8LostAnswers:
    def test_should_not_repeat_when_a_creating_answer_is_lost(
        self, scripted: Callable[..., Any], script_hang_up: Any, connect: Connect
    ) -> None:
        server = scripted(script_hang_up)
        with pytest.raises(AnswerLost):
            connect(server.url).call(CREATE, POST)
        assert len(server.seen) == 1

    @pytest.mark.parametrize("status", [500, 503, 504])
    def test_should_not_repeat_when_a_creating_call_is_answered_by_an_outage(
        self, serve: Serve, connect: Connect, status: int
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/goals", status=status)
        with pytest.raises(AnswerLost):
            connect(sandbox.url).call(CREATE, POST)
        assert sandbox.stats()["requests"]["POST goals"] == 1

    def test_should_repeat_when_a_creating_call_was_stopped_by_the_quota(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        quota = script_answer(429, envelope(429, "quota_parallel_requests"))
        server = scripted(quota, script_answer(200, '{"goal": {"id": 1}}'))
        assert connect(server.url).call(CREATE, POST) == {"goal": {"id": 1}}

    def test_should_not_call_it_lost_when_nothing_was_sent(self, connect: Connect) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(SourceUnavailable) as caught:
            connect(f"http://127.0.0.1:{port}").call(CREATE, POST)
        assert not isinstance(caught.value, AnswerLost)


class TestHeaders:
    def test_should_send_oauth_and_offer_gzip_when_asking(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(200, "{}"))
        connect(server.url, token="abc").call(ASK, GET)
        headers = server.seen[0]["headers"]
        assert (headers["Authorization"], headers["Accept-Encoding"]) == ("OAuth abc", "gzip")
