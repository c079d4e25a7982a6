"""What the network and PostgreSQL can do to a call, one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from include.errors import QuotaExceeded, SourceUnavailable, StoreUnavailable
from include.metrika.client.answers import AnswerLost, ApiCall
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.retry import RetryPolicy
from include.metrika.client.session import MetrikaSession
from include.metrika.client.transport import HttpCall, NoAnswer, Transport
from include.secret import Secret

ASK = ApiCall("list the goals", 101)
ONCE = RetryPolicy(outage_tries=1)
Connect = Callable[..., MetrikaSession]


@pytest.fixture
def silent(scripted: Callable[..., Any]) -> Any:
    """A server that takes the request and says nothing until the test is over."""
    over = threading.Event()
    yield scripted(lambda handler: over.wait(30))
    over.set()


class TestSilence:
    def test_should_be_unavailable_when_the_server_says_nothing(self, silent: Any, connect: Connect) -> None:
        with pytest.raises(SourceUnavailable, match=r"was silent for 0\.2 s"):
            connect(silent.url, policy=ONCE).call(ASK, HttpCall("GET", "/goals", read_seconds=0.2))

    def test_should_be_a_lost_answer_when_something_was_to_be_created(self, silent: Any, connect: Connect) -> None:
        create = ApiCall("create a goal", 101, is_creating=True)
        with pytest.raises(AnswerLost):
            connect(silent.url).call(create, HttpCall("POST", "/goals", read_seconds=0.2))

    def test_should_be_unavailable_when_the_body_stops_half_way(
        self, scripted: Callable[..., Any], connect: Connect
    ) -> None:
        def half(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"goals": [')
            handler.close_connection = True

        with pytest.raises(SourceUnavailable, match="broke the connection"):
            connect(scripted(half).url, policy=ONCE).call(ASK, HttpCall("GET", "/goals"))

    def test_should_be_unavailable_when_a_download_falls_silent(
        self, scripted: Callable[..., Any], connect: Connect
    ) -> None:
        over = threading.Event()

        def begin(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"ym:s:visitID\n")
            handler.wfile.flush()
            over.wait(30)

        session = connect(scripted(begin).url, policy=ONCE)
        with (
            pytest.raises(SourceUnavailable, match="in the middle of a download"),
            session.download(ASK, HttpCall("GET", "/part", read_seconds=0.3)) as stream,
        ):
            list(stream.iter_raw())
        over.set()


class TestAddresses:
    def test_should_say_so_when_the_certificate_is_none(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any]
    ) -> None:
        plain = scripted(script_answer(200, "{}")).url.replace("http://", "https://")
        found = Transport(plain, Secret("token")).send(HttpCall("GET", "/"))
        assert isinstance(found, NoAnswer)
        assert not found.is_sent
        assert "certificate" in found.cause

    def test_should_say_so_when_the_name_does_not_exist(self) -> None:
        found = Transport("http://metrika.invalid", Secret("token")).send(HttpCall("GET", "/"))
        assert isinstance(found, NoAnswer)
        assert not found.is_sent


class TestLostSession:
    def test_should_say_so_and_recover_when_postgresql_ends_the_session(self, state: Engine) -> None:
        gate = StateQuotaGate(state, "lost session", slot_patience_seconds=0.2)
        other = StateQuotaGate(state, "lost session", slot_patience_seconds=0.2)
        with gate.slot():
            with state.begin() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                )
            with pytest.raises(StoreUnavailable, match="PostgreSQL does not answer"), gate.slot():
                pass
            with other.slot(), other.slot(), other.slot(), pytest.raises(QuotaExceeded), gate.slot():
                pass
        with gate.slot(), gate.slot():
            pass
        gate.close()
        other.close()
