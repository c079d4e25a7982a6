"""Start, join, leave and stop a group of processes that one supervisor owns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from include.errors import ServiceError
from include.services.processes.files import log_tail, make_private_folder
from include.services.processes.looking import ProcessId
from include.services.processes.parts import Part
from include.services.processes.record import GroupRecord

PROJECT_ROOT = Path(__file__).resolve().parents[3]
SUPERVISOR_START_SECONDS = 30.0
SUPERVISOR_STOP_SECONDS = 120.0  # the longest polite stop of all its parts, and some more
POLL_SECONDS = 0.02
# Keeping the handles stops Python from warning about children that are meant to stay.
_STARTED: list[subprocess.Popen[bytes]] = []


def group_record(local_dir: Path, name: str) -> GroupRecord:
    """Give the record of a group.

    Args:
        local_dir: folder of this machine's services.
        name: for example ``engines``.

    Returns:
        The record; its folder exists afterwards.
    """
    return GroupRecord(make_private_folder(local_dir.absolute()) / "run", name)


def myself() -> ProcessId:
    """Give the identity of this process."""
    identity = ProcessId.of(os.getpid())
    if identity is None:
        raise ServiceError("This machine does not let a program look at its own process; allow /proc.")
    return identity


def child_environ(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Give the environment of a child that imports the product.

    Args:
        extra: names and values to add.

    Returns:
        This process's environment with the project root first on PYTHONPATH.
    """
    environ = dict(os.environ)
    paths = [str(PROJECT_ROOT), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return {**environ, **(extra or {})}


def start_group(record: GroupRecord, parts: list[Part], *, kept: bool) -> None:
    """Start a supervisor with its parts; the caller holds the lock and waits for readiness.

    Args:
        record: files of the group.
        parts: processes in start order.
        kept: True leaves them running when this process ends.

    Raises:
        ServiceError: the supervisor could not start them.
    """
    record.parts_path.unlink(missing_ok=True)
    owner = myself()
    record.save(None, [owner], kept=False)
    with open(os.open(record.log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "include.services.processes.supervisor", str(record.folder), record.name],
            cwd=PROJECT_ROOT,
            env=child_environ(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _STARTED.append(process)
    record.save(ProcessId.of(process.pid), [owner], kept=kept)
    _hand_over(process, parts)
    deadline = time.monotonic() + SUPERVISOR_START_SECONDS
    while not record.parts_path.exists():
        if process.poll() is not None or time.monotonic() >= deadline:
            process.kill()
            raise ServiceError(f"The services could not be started:\n{log_tail(record.log_path)}")
        time.sleep(POLL_SECONDS)


def _hand_over(process: subprocess.Popen[bytes], parts: list[Part]) -> None:
    assert process.stdin is not None
    try:
        with process.stdin as stream:
            stream.write(json.dumps([part.to_record() for part in parts]).encode())
    except BrokenPipeError:
        return  # it has ended already; the wait that follows shows its log


def ended_parts(record: GroupRecord) -> list[str]:
    """Name the parts that ended and will not be started again.

    Args:
        record: files of the group.

    Returns:
        Names in start order.
    """
    return [name for name, report in record.parts().items() if report.get("is_given_up")]


def join_group(record: GroupRecord, *, kept: bool, owner: ProcessId | None = None) -> None:
    """Note that a process wants a group that already runs; the caller holds the lock.

    Args:
        record: files of the group.
        kept: True makes the group outlive everybody from now on.
        owner: the process; this one when None.
    """
    me = owner or myself()
    owners = [known for known in record.owners() if known != me]
    record.save(record.supervisor(), [*owners, me], kept=kept or record.is_kept())


def leave_group(record: GroupRecord) -> None:
    """Note that this process is done; the last one to leave a group that is not kept stops it.

    Args:
        record: files of the group; the caller holds the lock.
    """
    me = myself()
    owners = [owner for owner in record.owners() if owner != me]
    if owners or record.is_kept():
        record.save(record.supervisor(), owners, kept=record.is_kept())
    else:
        stop_group(record)


def stop_group(record: GroupRecord) -> None:
    """Stop a group and everything a killed supervisor may have left; the caller holds the lock.

    Args:
        record: files of the group.

    Raises:
        ServiceError: something is still running afterwards.
    """
    supervisor = record.supervisor()
    if supervisor:
        supervisor.stop(signal.SIGTERM, SUPERVISOR_STOP_SECONDS)
    stop_orphans(record)
    record.forget()
    _reap()


def stop_orphans(record: GroupRecord) -> None:
    """Stop parts whose supervisor is gone; they are ending already on Linux.

    Args:
        record: files of the group; the caller holds the lock.

    Raises:
        ServiceError: one of them cannot be ended.
    """
    for name, report in reversed(list(record.parts().items())):
        identity = ProcessId.from_record(report.get("process"))
        if identity is None:
            continue
        identity.stop(signal.SIGINT if name == "postgres" else signal.SIGTERM, 10.0)
        if identity.is_running():
            raise ServiceError(f"{name} (process {identity.pid}) does not end; end it by hand and try again.")


def _reap() -> None:
    for process in list(_STARTED):
        if process.poll() is not None:
            _STARTED.remove(process)
