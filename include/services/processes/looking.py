"""Processes by identity: a process id alone may belong to a stranger by now."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SAME_START_SECONDS = 2.0  # start times move a little when the clock of the machine is set
POLL_SECONDS = 0.05
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class ProcessId:
    """A process as it was when it was noted.

    Attributes:
        pid: process id.
        started_at_seconds: start time, epoch seconds UTC.
    """

    pid: int
    started_at_seconds: float

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """Note a running process.

        Args:
            pid: process id.

        Returns:
            Its identity, or None when it has ended.
        """
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid, process.create_time())
        except psutil.Error:
            return None

    @classmethod
    def from_record(cls, record: Any) -> ProcessId | None:
        """Read an identity from JSON.

        Args:
            record: what :meth:`to_record` made, or anything else.

        Returns:
            The identity, or None when the record is not one.
        """
        if not isinstance(record, dict):
            return None
        try:
            return cls(int(record["pid"]), float(record["started_at_seconds"]))
        except (KeyError, TypeError, ValueError):
            return None

    def to_record(self) -> dict[str, Any]:
        """Give the identity as JSON values."""
        return {"pid": self.pid, "started_at_seconds": self.started_at_seconds}

    def is_running(self) -> bool:
        """Say whether this very process still runs; a zombie or a reused id does not count."""
        now = ProcessId.of(self.pid)
        return now is not None and abs(now.started_at_seconds - self.started_at_seconds) < SAME_START_SECONDS

    def send(self, signal_number: int) -> None:
        """Send a signal, if this very process still runs.

        Args:
            signal_number: for example ``signal.SIGTERM``.
        """
        if self.is_running():
            try:
                os.kill(self.pid, signal_number)
            except ProcessLookupError:
                return

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended.

        Args:
            seconds: longest wait.

        Returns:
            True when it has ended.
        """
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def stop(self, signal_number: int, seconds: float) -> None:
        """Ask the process to end, then insist with SIGKILL.

        Args:
            signal_number: the polite signal.
            seconds: how long to wait for it.
        """
        self.send(signal_number)
        if not self.wait(seconds):
            self.send(signal.SIGKILL)
            self.wait(seconds)


def die_with_parent(signal_number: int, parent_pid: int) -> None:
    """Ask the kernel for a signal to this process when the thread that started it ends (Linux only).

    Runs between fork and exec, after a change of user, which would clear the request.

    Args:
        signal_number: signal wanted.
        parent_pid: process that started this one.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent was gone before the request was made
