"""HTTP: reads a request, lets the gateway answer it, writes the answer as Metrika does."""

from __future__ import annotations

import gzip
import http.server
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from include.errors import SourceRejected
from include.metrika_sandbox.behaviour.answers import ApiRequest, Json, PartDownload, envelope
from include.metrika_sandbox.behaviour.bodies import RequestBody, open_body
from include.metrika_sandbox.serving.admin import answer_admin
from include.metrika_sandbox.serving.gateway import Route
from include.metrika_sandbox.serving.streaming import SocketDropped, iter_part

if TYPE_CHECKING:
    import socket

    from include.metrika_sandbox.sandbox import Sandbox


class SandboxOwner(Protocol):
    """What a handler needs of its server."""

    sandbox: Sandbox

    def mark_for_reset(self, connection: socket.socket) -> None:
        """Let a connection end with a reset."""
        ...


ADMIN_PREFIX = "/sandbox/"
JSON_TYPE = "application/json;charset=utf-8"
IDLE_SECONDS = 60


class SandboxHandler(http.server.BaseHTTPRequestHandler):
    """One connection; several requests may follow each other on it."""

    protocol_version = "HTTP/1.1"
    server_version = "metrika-sandbox"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    _slot: str | None = None
    _body: RequestBody

    @property
    def _owner(self) -> SandboxOwner:
        return cast(SandboxOwner, self.server)

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def do_PUT(self) -> None:
        """Answer a PUT (no route takes it)."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a DELETE (no route takes it)."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Keep requests out of the log; figures are under /sandbox/stats."""

    def _serve(self) -> None:
        self._headers = {name.lower(): value for name, value in self.headers.items()}
        self._body = open_body(self.rfile, self._headers)  # type: ignore[arg-type]
        split = urlsplit(self.path)
        self._query = dict(parse_qsl(split.query, keep_blank_values=True))
        try:
            if split.path.startswith(ADMIN_PREFIX):
                self._serve_admin(split.path.removeprefix(ADMIN_PREFIX))
            else:
                self._serve_api(split.path)
        except SourceRejected as error:
            self._refuse(error)
        except SocketDropped:
            self._reset()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client has gone
        finally:
            self._leave()

    def _serve_admin(self, name: str) -> None:
        status, answer = answer_admin(self._owner.sandbox, self.command, name, self._query, self._body.read())
        self._send_json(status, answer)

    def _serve_api(self, path: str) -> None:
        sandbox = self._owner.sandbox
        try:
            route, counter_id, values = sandbox.gateway.route(self.command, path)
        except SourceRejected:
            sandbox.meters.count(f"{self.command} other")
            raise
        sandbox.meters.count(f"{self.command} {route.name or 'counter'}")
        trouble = sandbox.trouble.strike(self.command, path)
        if trouble is not None:
            raise trouble
        login = sandbox.gateway.login(self._headers)
        counter = sandbox.gateway.counter(counter_id, login)
        sandbox.quotas.enter(self.client_address[0], login, counter_id, is_logs=route.is_logs)
        self._slot = login
        self._run(route, ApiRequest(counter, login, self._query, self._headers, self._body, values))

    def _run(self, route: Route, request: ApiRequest) -> None:
        result = route.call(request)
        if isinstance(result, PartDownload):
            self._send_part(result)
        elif result.is_lost:
            raise SocketDropped("answer lost on purpose")
        else:
            self._send_json(result.status, result.body)

    def _leave(self) -> None:
        """Free the login's slot; called before the client can see the end of the answer."""
        login, self._slot = self._slot, None
        if login is not None:
            self._owner.sandbox.quotas.leave(login)

    def _refuse(self, error: SourceRejected) -> None:
        if not error.status:
            self._reset()
            return
        try:
            self._send_json(error.status, envelope(error))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _reset(self) -> None:
        self._owner.sandbox.meters.count_status(0)
        self._owner.mark_for_reset(self.connection)
        self.close_connection = True

    def _offers_gzip(self) -> bool:
        offers = self._headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
        return any(offer.partition(";")[0] == "gzip" and not offer.endswith("q=0") for offer in offers)

    def _start(self, status: int, *, is_gzip: bool) -> None:
        if not self._body.drain():
            self.close_connection = True
        self._owner.sandbox.meters.count_status(status)
        self.send_response(status)
        self.send_header("Content-Type", JSON_TYPE)
        if is_gzip:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_json(self, status: int, body: Json) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        is_gzip = self._offers_gzip()
        self._leave()
        self._start(status, is_gzip=is_gzip)
        self._send_chunks([gzip.compress(data, 1) if is_gzip else data])

    def _send_part(self, part: PartDownload) -> None:
        is_gzip = self._offers_gzip() and not part.is_identity
        self._start(200, is_gzip=is_gzip)
        self._send_chunks(self._leaving_at_end(iter_part(part, is_gzip=is_gzip)))

    def _leaving_at_end(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the pieces on; the slot is free before the last one goes out."""
        held = next(pieces, b"")
        for piece in pieces:
            yield held
            held = piece
        self._leave()
        yield held

    def _send_chunks(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
