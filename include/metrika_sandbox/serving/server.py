"""The running sandbox: in this process for tests, or blocking for the command line."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import logging
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from include.errors import ServiceError
from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import PlannedFailure
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.sandbox import Sandbox
from include.metrika_sandbox.serving.handler import SandboxHandler
from include.metrika_sandbox.traffic.source import TrafficSource

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
NO_LINGER = struct.pack("ii", 1, 0)  # close with a reset instead of a polite end
POLL_SECONDS = 0.05


class SandboxServer(http.server.ThreadingHTTPServer):
    """A thread for each connection, on loopback only.

    Args:
        sandbox: the state behind it.
        port: TCP port; 0 takes a free one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        self._resets: set[int] = set()
        super().__init__((HOST, port), SandboxHandler)

    def mark_for_reset(self, connection: socket.socket) -> None:
        """Let this connection end with a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._resets.add(connection.fileno())

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; a marked one without the polite half-close."""
        number = request.fileno()
        if number in self._resets:
            self._resets.discard(number)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke while answering; the connection is closed."""
        logger.exception("request of %s failed", client_address)


class SandboxHandle:
    """A running sandbox as a test sees it.

    Args:
        server: the server.
    """

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        self.url = f"http://{HOST}:{self.port}"

    @property
    def config(self) -> SandboxConfig:
        """The settings it runs with."""
        return self._server.sandbox.config

    @property
    def traffic(self) -> TrafficSource:
        """Where its rows come from; ``iter_labels`` tells the truth about visits."""
        return self._server.sandbox.traffic

    @property
    def faults(self) -> Faults:
        """The switches in force."""
        return self._server.sandbox.board.now()

    def set_faults(self, faults: Faults) -> None:
        """Replace all switches."""
        self._server.sandbox.board.set(faults)

    def fail_next(
        self, path_part: str, *, status: int = 503, error_type: str = "", times: int = 1, method: str = ""
    ) -> None:
        """Let the next matching requests fail.

        Args:
            path_part: text the path must contain.
            status: HTTP status; 0 resets the connection.
            error_type: error type; empty takes the usual one.
            times: how many requests.
            method: HTTP method, empty for any.
        """
        self._server.sandbox.trouble.plan(PlannedFailure(path_part, method, status, error_type, times))

    def stats(self) -> dict[str, Any]:
        """Figures about everything seen and served, see ``Sandbox.stats``."""
        return self._server.sandbox.stats()

    def stored_bytes(self, counter_id: int) -> int:
        """Bytes of prepared logs in a counter's store now."""
        return self._server.sandbox.logs.stored_bytes(counter_id)

    def uploads(self, counter_id: int) -> list[dict[str, Any]]:
        """Uploads of a counter, oldest first, each with its ``rows``."""
        return self._server.sandbox.uploads(counter_id)

    def edit_visits(self, counter_id: int, day: dt.date, visit_count: int) -> int:
        """Change visits of a day as late visits do; returns how many changed."""
        return self._server.sandbox.edit_visits(counter_id, day, visit_count)

    def labels(self, counter_id: int, day: dt.date) -> dict[int, int]:
        """Truth about a day: visit id -> 1 for a high-activity visitor, else 0."""
        return {one.visit_id: one.label for one in self.traffic.iter_labels(counter_id, day)}


def _open_server(config: SandboxConfig, port: int, traffic: TrafficSource | None) -> SandboxServer:
    sandbox = Sandbox(config, traffic)
    try:
        return SandboxServer(sandbox, port)
    except OSError as error:
        sandbox.close()
        raise ServiceError(
            f"The sandbox cannot listen on {HOST}:{port} ({error.strerror}); choose another --port."
        ) from None


@contextlib.contextmanager
def run_sandbox(
    config: SandboxConfig | None = None, port: int = 0, traffic: TrafficSource | None = None
) -> Iterator[SandboxHandle]:
    """Serve in background threads of this process.

    Args:
        config: settings; None takes the defaults.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        traffic: rows to serve; None takes what the settings name.

    Yields:
        The running sandbox.

    Raises:
        ServiceError: the port is taken.
        ConfigError: the traffic files cannot be used.
    """
    server = _open_server(config or SandboxConfig(), port, traffic)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield SandboxHandle(server)
    finally:
        server.shutdown()
        server.server_close()
        server.sandbox.close()
        thread.join()


def serve(config: SandboxConfig, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then stop cleanly.

    Args:
        config: settings.
        port: TCP port on 127.0.0.1; 0 takes a free one.

    Raises:
        ServiceError: the port is taken.
        ConfigError: the traffic files cannot be used.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        """End serving on a signal."""
        stopped.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with run_sandbox(config, port) as sandbox:
            logger.info("sandbox serves %s", sandbox.url)
            print(f"Sandbox Metrika at {sandbox.url}", flush=True)
            stopped.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
