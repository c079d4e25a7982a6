"""The README's lines for a shell, run as they stand against the app on a socket."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.api_client import PREFIX, Api
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
START_SECONDS, RUN_SECONDS = 30, 180


def section(title: str) -> str:
    """The text below a heading, up to the next one of its level."""
    found = README.partition(f"## {title}\n")[2].partition("\n## ")[0]
    assert found, f"the README has no section {title}"
    return found


def block(text: str, kind: str) -> str:
    """The first block of a kind, such as bash, in a text."""
    return str(re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[0])


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


def run_lines(lines: str, environ: dict[str, str], folder: Path) -> str:
    """What lines of the shell print; they fail with the first one that fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS,
        env={**os.environ, **environ, "PATH": path, "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
