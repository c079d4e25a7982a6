"""The app behind a real socket, in a process that failpoints may kill."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from include.api.app import create_app
from include.failpoints import VARIABLE
from tests.api_client import PREFIX, InMemoryOrchestrator

START_SECONDS, STEP_SECONDS = 60.0, 0.02
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


@dataclass
class Served:
    """A server that is started again whenever it has died.

    Attributes:
        environ: settings of the app.
        key: an API key.
        deaths: how often it has died.
    """

    environ: Mapping[str, str]
    key: str
    deaths: int = 0

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: Any = None
        self._kill_at = ""

    def kill_next(self, point: str) -> None:
        """Let the process that is started next die at a point, and stop this one."""
        self._kill_at = point
        self.stop()

    def post(self, body: Any, headers: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        """Send a batch, again and again until there is an answer."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._require_running()
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self._post_once(json.dumps(body).encode(), headers)
            time.sleep(STEP_SECONDS)
        raise AssertionError("there was no answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join(30)
            self._process = None

    def _post_once(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            every = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **headers}
            link.request("POST", f"{PREFIX}/api/v1/events", body, every)
            answer = link.getresponse()
            content = json.loads(answer.read())
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
        finally:
            link.close()

    def _require_running(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        if self._process is not None:
            self.deaths += 1
            self._kill_at = ""
        environ = {**self.environ, VARIABLE: self._kill_at}
        self._process = PROCESSES.Process(target=_serve, args=(environ, self.port))
        self._process.start()


@contextlib.contextmanager
def served(environ: Mapping[str, str], key: str) -> Iterator[Served]:
    """Lend a server."""
    found = Served(environ, key)
    try:
        yield found
    finally:
        found.stop()


def _serve(environ: dict[str, str], port: int) -> None:
    os.environ.update(environ)
    app = create_app(InMemoryOrchestrator(), environ)
    uvicorn.run(Starlette(routes=[Mount(PREFIX, app)]), host="127.0.0.1", port=port, log_level="critical")
