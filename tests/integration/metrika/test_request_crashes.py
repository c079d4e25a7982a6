from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from include.metrika.client.session import MetrikaSession
from include.metrika_sandbox.serving.server import SandboxHandle
from include.secret import Secret
from tests.own_requests import FIELDS, created, open_rows

ROOT = Path(__file__).parents[3]
Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]


CRASHING = """
import datetime as dt, os, sys
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.requests.own_requests import ensure_request, mark_loaded, release, wait_processed
from include.metrika.client.session import MetrikaSession
from include.secret import Secret
from include.settings import MetrikaSettings
from include.state.engine import connect_state
settings = MetrikaSettings(token=Secret("sandbox-token"), api_url=sys.argv[1], poll_seconds=0.02)
state = connect_state(Secret(os.environ["STATE"]))
api = LogsApi(MetrikaSession(settings, StateQuotaGate.for_settings(state, settings)))
day = dt.date(2026, 11, 10)
order = LogOrder(101, "visits", day, day, tuple(sys.argv[2].split(",")))
own = wait_processed(api, state, ensure_request(api, state, order, sys.argv[3]), settings)
with api.open_part(own.prepared, 0) as stream:
    print(sum(map(len, stream.iter_raw())) > 0)
mark_loaded(state, own)
print(release(api, state, own))
"""

POINTS = {
    "request.ordered": 1,
    "request.answered": 1,
    "request.created": 1,
    "request.processed": 1,
    "request.loaded": 1,
    "request.cleaned": 2,  # nothing is left to be found again: a second export is right
    "request.released": 2,
}


class TestM8Crashes:
    @pytest.mark.parametrize(("point", "exports"), POINTS.items())
    def test_should_leave_nothing_behind_when_killed_and_run_again(
        self, serve: Serve, state: Engine, state_url: Secret, point: str, exports: int
    ) -> None:
        sandbox = serve()

        def run(run_id: str, failpoint: str) -> subprocess.CompletedProcess[str]:
            environ = os.environ | {"STATE": state_url.value, "PYTHONPATH": str(ROOT)}
            environ["COUNTERFLOW_FAILPOINT"] = failpoint
            command = [sys.executable, "-c", CRASHING, sandbox.url, ",".join(FIELDS), run_id]
            return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)

        killed = run("run1", point)
        again = run("run2", "")
        assert killed.returncode == -signal.SIGKILL
        assert (again.returncode, again.stdout) == (0, "True\nTrue\n"), again.stderr
        assert created(sandbox) == exports
        assert (sandbox.stored_bytes(101), open_rows(state)) == (0, 0)
