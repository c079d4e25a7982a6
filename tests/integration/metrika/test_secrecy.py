"""M6: the token shows up nowhere but in the header on the wire."""

from __future__ import annotations

import contextlib
import gc
import http.client
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.errors import CounterflowError
from include.metrika.client.answers import ApiCall
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.client.transport import HttpCall, Transport
from include.metrika_sandbox.serving.server import SandboxHandle
from include.secret import Secret
from include.settings import MetrikaSettings

SECRET = "y0_PLANTED-secret-token-0123456789"
ASK = ApiCall("list the goals", 101)
GET = HttpCall("GET", "/goals")


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Every record of every logger at DEBUG, as text with tracebacks."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def all_of(error: BaseException | None) -> str:
    """The error as text: message, attributes, traceback with every local variable, and its whole chain."""
    texts = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        texts += ["".join(shown.format()), repr(error), str(vars(error)), str(error.args)]
        error = error.__context__ or error.__cause__
    return "\n".join(texts)


def fail(session: MetrikaSession) -> CounterflowError:
    try:
        session.call(ASK, GET)
    except CounterflowError as error:
        return error
    raise AssertionError("the call should have failed")


class TestM6Secrecy:
    @pytest.mark.parametrize("status", [0, 400, 401, 403, 404, 429, 503])
    def test_should_show_no_token_when_a_call_fails(
        self, serve: Callable[..., SandboxHandle], connect: Callable[..., MetrikaSession],
        everything_logged: io.StringIO, status: int,
    ) -> None:  # fmt: skip
        sandbox = serve(token=SECRET)
        error_type = "quota_requests_by_uid" if status == 429 else ""
        sandbox.fail_next("/goals", status=status, error_type=error_type, times=1000)
        error = fail(connect(sandbox.url, token=SECRET))
        assert SECRET not in all_of(error) + everything_logged.getvalue()

    def test_should_keep_no_library_error_in_the_chain_when_the_connection_breaks(
        self, scripted: Callable[..., Any], script_hang_up: Any, connect: Callable[..., MetrikaSession]
    ) -> None:
        error = fail(connect(scripted(script_hang_up).url, token=SECRET))
        chain = [error, error.__context__, error.__cause__]
        assert [one for one in chain if one is not None and not isinstance(one, CounterflowError)] == []

    def test_should_mask_the_token_when_the_server_repeats_it(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any],
        connect: Callable[..., MetrikaSession],
    ) -> None:  # fmt: skip
        body = f'{{"errors":[{{"error_type":"unauthorized","message":"bad token {SECRET}"}}],"code":401}}'
        error = fail(connect(scripted(script_answer(401, body)).url, token=SECRET))
        assert SECRET not in all_of(error)

    def test_should_send_no_token_in_the_address_when_asking(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any],
        connect: Callable[..., MetrikaSession],
    ) -> None:  # fmt: skip
        server = scripted(script_answer(200, "{}"))
        connect(server.url, token=SECRET).call(ASK, GET)
        asked = server.seen[0]
        assert SECRET not in asked["path"] + asked["body"].decode()

    def test_should_show_no_token_when_printed(self, connect: Callable[..., MetrikaSession]) -> None:
        session = connect("http://127.0.0.1:9", token=SECRET)
        shown = f"{session!r} {session} {vars(session)} {vars(session._transport)}"
        assert SECRET not in shown

    def test_should_refuse_when_pickled(self, connect: Callable[..., MetrikaSession]) -> None:
        session = connect("http://127.0.0.1:9", token=SECRET)
        for thing in (session, session._transport):
            with pytest.raises(TypeError):
                pickle.dumps(thing)

    def test_should_leave_no_header_behind_when_the_call_is_over(
        self, serve: Callable[..., SandboxHandle], connect: Callable[..., MetrikaSession]
    ) -> None:
        import requests

        connect(serve(token=SECRET).url, token=SECRET).call(ASK, GET)
        gc.collect()
        left = [one for one in gc.get_objects() if isinstance(one, requests.PreparedRequest)]
        assert SECRET not in str([dict(one.headers or {}) for one in left])

    def test_should_store_no_token_when_the_quota_is_kept(
        self, state: Any, connect: Callable[..., MetrikaSession], serve: Callable[..., SandboxHandle]
    ) -> None:
        connect(serve(token=SECRET).url, token=SECRET).call(ASK, GET)
        with state.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM quota_buckets").all()
        assert rows
        assert SECRET not in str(rows)

    @pytest.mark.parametrize("end", ["\n", "\nX-Evil: 1", "é", " two"])
    def test_should_show_nothing_when_the_token_cannot_be_sent(self, state: Any, end: str) -> None:
        settings = MetrikaSettings(token=Secret(SECRET + end + "x"), api_url="http://127.0.0.1:9")
        gate = StateQuotaGate.for_settings(state, settings)
        with pytest.raises(CounterflowError) as caught:
            MetrikaSession(settings, gate)
        assert "METRIKA_TOKEN" in str(caught.value)
        assert SECRET not in all_of(caught.value)


class TestTransportTrace:
    def test_should_be_the_only_place_with_the_header_when_the_wire_is_traced(
        self, serve: Callable[..., SandboxHandle], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The wire itself carries the token: the trace of the HTTP library proves the header is sent."""
        http.client.HTTPConnection.debuglevel = 1
        try:
            with contextlib.suppress(CounterflowError):
                Transport(serve(token=SECRET).url, Secret(SECRET)).send(
                    HttpCall("GET", "/management/v1/counter/101/goals")
                )
        finally:
            http.client.HTTPConnection.debuglevel = 0
        assert f"OAuth {SECRET}" in capsys.readouterr().out
