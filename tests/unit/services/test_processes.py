from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from include.services.processes.looking import ProcessId

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def identity_of(process: subprocess.Popen[str]) -> ProcessId:
    identity = ProcessId.of(process.pid)
    assert identity is not None
    return identity


class TestProcessId:
    def test_should_run_when_it_is_this_process(self) -> None:
        identity = ProcessId.of(os.getpid())
        assert identity is not None
        assert identity.is_running()

    def test_should_survive_the_way_through_json_when_recorded(self, sleeper) -> None:
        identity = identity_of(sleeper)
        assert ProcessId.from_record(identity.to_record()) == identity

    @pytest.mark.parametrize("record", [None, [], {}, {"pid": "x", "started_at_seconds": 1}, {"pid": 1}])
    def test_should_be_nobody_when_the_record_is_damaged(self, record: object) -> None:
        assert ProcessId.from_record(record) is None

    def test_should_not_run_when_the_id_belongs_to_another_process_by_now(self, sleeper) -> None:
        identity = identity_of(sleeper)
        assert not replace(identity, started_at_seconds=identity.started_at_seconds - 60).is_running()

    def test_should_not_run_when_it_is_a_zombie(self, sleeper) -> None:
        identity = identity_of(sleeper)
        os.kill(sleeper.pid, signal.SIGKILL)
        assert identity.wait(10)

    def test_should_leave_a_stranger_alone_when_told_to_stop(self, sleeper) -> None:
        identity = identity_of(sleeper)
        replace(identity, started_at_seconds=0.0).stop(signal.SIGKILL, 0.1)
        assert sleeper.poll() is None

    def test_should_insist_when_the_polite_signal_is_ignored(self, sleeper) -> None:
        identity_of(sleeper).stop(signal.SIGTERM, 0.2)
        assert sleeper.wait(10) == -signal.SIGKILL
