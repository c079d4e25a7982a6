"""Fail points: silent unless asked for, and then exactly where and when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PROGRAM = "from include.failpoints import failpoint\nfor n in range(3):\n    failpoint('a.b'); print(n, flush=True)\n"


def reach(wanted: str | None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    environ.pop("COUNTERFLOW_FAILPOINT", None)
    if wanted is not None:
        environ["COUNTERFLOW_FAILPOINT"] = wanted
    return subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=60)


class TestFailpoint:
    @pytest.mark.parametrize("wanted", [None, "", "a", "a.b.c", "a.b:4"])
    def test_should_do_nothing_when_the_point_is_not_asked_for(self, wanted: str | None) -> None:
        ran = reach(wanted)
        assert (ran.returncode, ran.stdout.split()) == (0, ["0", "1", "2"])

    @pytest.mark.parametrize(("wanted", "printed"), [("a.b", []), ("a.b:1", []), ("a.b:3", ["0", "1"])])
    def test_should_die_by_sigkill_when_the_point_is_reached(self, wanted: str, printed: list[str]) -> None:
        ran = reach(wanted)
        assert (ran.returncode, ran.stdout.split()) == (-signal.SIGKILL, printed)
