"""The README's lines about events, run as they stand against the app on a socket and the real engines."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from include.services.engines.endpoints import Endpoints
from tests.api_client import PREFIX, Api, InMemoryOrchestrator
from tests.conftest import PROJECT
from tests.loading import own_stores

SECTION = (PROJECT / "README.md").read_text(encoding="utf-8").partition("## Events in five minutes")[2]
SECTION = SECTION.partition("\n## ")[0]
START_SECONDS, RUN_SECONDS = 30, 120


def block(kind: str) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)[0]


@contextlib.contextmanager
def served(api: Api) -> Iterator[str]:
    """The app on a free port of loopback."""
    outer = Starlette(routes=[Mount(PREFIX, api.app)])
    server = uvicorn.Server(uvicorn.Config(outer, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started:
        assert time.monotonic() < end, "the app did not start"
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{PREFIX}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


@pytest.fixture(scope="module")
def printed(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the lines print, the first answer of a new installation to the last."""
    folder = tmp_path_factory.mktemp("readme")
    with own_stores(endpoints) as stores:
        environ = {**stores, "COUNTERFLOW_LOCAL_DIR": str(folder / "local")}
        api = Api(InMemoryOrchestrator(), environ)
        with served(api) as address:
            yield _run(block("bash"), {**environ, "API": address}, folder)
        api.close()


def _run(lines: str, environ: dict[str, str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS,
        env={**os.environ, **environ, "PATH": path, "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestEventsInFiveMinutes:
    def test_should_end_with_the_statistics_it_shows(self, printed: str) -> None:
        found = printed.strip().splitlines()[-1]
        assert found == block("json").strip()

    def test_should_show_a_verdict_for_every_event(self, printed: str) -> None:
        answer: dict[str, Any]
        answer, _ = json.JSONDecoder().raw_decode(printed)
        rejected = answer["verdicts"][3]
        assert (answer["accepted"], answer["rejected"]) == (3, 1)
        assert f"`{rejected['code']}` at `{rejected['pointer']}`" in " ".join(SECTION.split())
