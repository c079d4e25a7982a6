"""A real PostgreSQL, the real sandbox, and a server that answers by script."""

from __future__ import annotations

import contextlib
import http.server
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, delete, text
from sqlalchemy.engine import make_url

from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.retry import RetryPolicy
from include.metrika.client.session import MetrikaSession
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.settings import MetrikaSettings
from include.state.engine import connect_state, migrate
from include.state.tables import log_requests

FAST = RetryPolicy(first_wait_seconds=0.02, cap_seconds=0.2)


@pytest.fixture(scope="module")
def state_url(endpoints: Endpoints) -> Iterator[Secret]:
    name = f"metrika_{uuid.uuid4().hex[:12]}"
    admin = create_engine(endpoints.database_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield Secret(make_url(endpoints.database_url).set(database=name).render_as_string(hide_password=False))
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="module")
def state(state_url: Secret) -> Iterator[Engine]:
    engine = connect_state(state_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def _no_open_requests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget the own log requests of a test that used the state."""
    yield
    if "state" in request.fixturenames:
        with request.getfixturevalue("state").begin() as connection:
            connection.execute(delete(log_requests))


@pytest.fixture
def serve() -> Iterator[Callable[..., SandboxHandle]]:
    with contextlib.ExitStack() as stack:
        yield lambda **config: stack.enter_context(run_sandbox(SandboxConfig(**{"queue_seconds": 0.05} | config)))


@pytest.fixture
def connect(state: Engine) -> Iterator[Callable[..., MetrikaSession]]:
    """A session towards an address; closes its quota connection at the end."""
    with contextlib.ExitStack() as stack:

        def make(url: str, token: str = DEMO_TOKEN, policy: RetryPolicy = FAST) -> MetrikaSession:
            settings = MetrikaSettings(token=Secret(token), api_url=url)
            gate = StateQuotaGate.for_settings(state, settings)
            stack.callback(gate.close)
            return MetrikaSession(settings, gate, policy=policy)

        yield make


@dataclass
class ScriptedServer:
    """Answers in the order of its script, the last answer for ever; remembers what it was asked."""

    url: str
    script: list[Callable[[http.server.BaseHTTPRequestHandler], None]]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def next_answer(self) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def answer(
    status: int, body: str = "", headers: dict[str, str] | None = None
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def send(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return send


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(*script: Callable[[http.server.BaseHTTPRequestHandler], None]) -> ScriptedServer:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                told.seen.append(
                    {
                        "method": self.command,
                        "path": self.path,
                        "headers": dict(self.headers),
                        "body": self.rfile.read(length),
                    }
                )
                told.next_answer()(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        told = ScriptedServer(f"http://127.0.0.1:{server.server_port}", list(script))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return told

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def script_answer() -> Callable[..., Any]:
    return answer


@pytest.fixture
def script_hang_up() -> Callable[..., Any]:
    return hang_up
