"""The small process that owns a group: starts it, keeps it alive, stops it, dies with its owners.

Run as ``python -m include.services.processes.supervisor <run folder> <group name>`` with the parts as JSON on
standard input. It ends when it is told to (SIGTERM), or when the group is not kept and none of the
processes that asked for it is alive. Should it be killed itself, the kernel ends its children (Linux).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psutil

from include.errors import ServiceError
from include.services.processes.files import locked, write_record
from include.services.processes.looking import ProcessId, die_with_parent
from include.services.processes.parts import Part
from include.services.processes.record import GroupRecord

POLL_SECONDS = 0.2
STABLE_SECONDS = 5.0  # a part that ended sooner has a lasting reason to; it is not started again
RESTART_COUNT = 5
PING_EVERY_SECONDS, PING_TIMEOUT_SECONDS, PING_MISS_COUNT = 5.0, 5.0, 6
LOG = logging.getLogger("include.services.processes.supervisor")


class OwnedPart:
    """One running part and its history.

    Args:
        part: what to run.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.restart_count = 0
        self.is_given_up = False
        self._descendants: list[psutil.Process] = []
        self._missed_pings = 0
        self._has_answered = False
        self._pinged_at = time.monotonic()
        self.start()

    def start(self) -> None:
        """Start the process; its output goes to the part's log, the old log is kept beside it."""
        part, parent_pid = self.part, os.getpid()
        log = Path(part.log)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as stream:
            self.process = subprocess.Popen(
                part.argv,
                cwd=part.folder,
                env=part.environ,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                user=part.user_id,
                group=part.group_id,
                extra_groups=None if part.user_id is None else [],
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(part.death_signal, parent_pid),
            )
        self.started_at = time.monotonic()
        self._has_answered, self._missed_pings = False, 0

    def tend(self) -> bool:
        """Restart the process when it ended after a while of good work, or stopped answering.

        Returns:
            True when something changed.
        """
        if self.is_given_up:
            return False
        if self.process.poll() is None:
            self._check_ping()
            return False
        lived_seconds = time.monotonic() - self.started_at
        LOG.warning("%s ended with status %s", self.part.name, self.process.returncode)
        was_stable = lived_seconds >= STABLE_SECONDS or self.restart_count > 0
        if not was_stable or self.restart_count >= RESTART_COUNT:
            self.is_given_up = True
            return True
        self.restart_count += 1
        time.sleep(1.0)  # lets what it left behind (shared memory, listeners) go first
        self.kill_leftovers()
        self.start()
        return True

    def ask_to_stop(self) -> None:
        """Ask the process politely to end and note what it has started."""
        self._descendants = _descendants(self.process.pid) if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.send_signal(self.part.stop_signal)

    def finish_stop(self) -> None:
        """Wait for the end, insist with SIGKILL, and end everything the process had started."""
        try:
            self.process.wait(self.part.stop_seconds)
        except subprocess.TimeoutExpired:
            LOG.warning("%s did not end in %s seconds", self.part.name, self.part.stop_seconds)
            self._descendants += _descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
        self.kill_leftovers()

    def kill_leftovers(self) -> None:
        """Kill what is left of the part's process group and of its descendants."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for descendant in self._descendants:
            with suppress(psutil.Error):
                descendant.kill()
        self._descendants = []

    def _check_ping(self) -> None:
        now = time.monotonic()
        if not self.part.ping_url or now - self._pinged_at < PING_EVERY_SECONDS:
            return
        self._pinged_at = now
        if _answers(self.part.ping_url):
            self._has_answered, self._missed_pings = True, 0
            return
        self._missed_pings += 1
        if self._has_answered and self._missed_pings >= PING_MISS_COUNT:
            LOG.warning("%s does not answer any more and is started again", self.part.name)
            self.process.send_signal(self.part.stop_signal)


def stop_all(owned: list[OwnedPart]) -> None:
    """Stop parts, those of the highest rank first and those of one rank together.

    Args:
        owned: parts; the list is empty afterwards.
    """
    for rank in sorted({one.part.stop_rank for one in owned}, reverse=True):
        same_rank = [one for one in owned if one.part.stop_rank == rank]
        for one in same_rank:
            one.ask_to_stop()
        for one in same_rank:
            one.finish_stop()
    owned.clear()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=PING_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def supervise(record: GroupRecord, parts: list[Part], is_told_to_stop: Callable[[], bool]) -> None:
    """Own a group until it is told to stop or nobody wants it any more.

    Args:
        record: files that say who wants the group.
        parts: processes in start order; their ranks order the stop.
        is_told_to_stop: asked several times a second.
    """
    owned: list[OwnedPart] = []
    try:
        for part in parts:
            owned.append(OwnedPart(part))
        _publish(record, owned)
        while not is_told_to_stop():
            changes = [one.tend() for one in owned]
            if any(changes):
                _publish(record, owned)
            if not record.is_wanted() and _stop_unwanted(record, owned):
                return
            time.sleep(POLL_SECONDS)
    finally:
        stop_all(owned)


def _stop_unwanted(record: GroupRecord, owned: list[OwnedPart]) -> bool:
    try:
        with locked(record.lock_path, wait_seconds=0):
            if record.is_wanted():
                return False
            LOG.info("nobody wants the group any more")
            stop_all(owned)
            record.forget()
            return True
    except ServiceError:
        return False  # somebody is joining or stopping the group right now


def _publish(record: GroupRecord, owned: list[OwnedPart]) -> None:
    report = {}
    for one in owned:
        identity = ProcessId.of(one.process.pid)
        report[one.part.name] = {
            "process": identity.to_record() if identity else None,
            "restart_count": one.restart_count,
            "is_given_up": one.is_given_up,
        }
    write_record(record.parts_path, report)


def main() -> None:
    """Run the supervisor of one group."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    record = GroupRecord(Path(sys.argv[1]), sys.argv[2])
    parts = [Part.from_record(entry) for entry in json.load(sys.stdin)]
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signal_number, _frame: told.append(signal_number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervise(record, parts, lambda: bool(told))


if __name__ == "__main__":
    main()
