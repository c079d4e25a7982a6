"""The local Metrika as a service of this machine, beside the engines and Airflow."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from include.errors import ServiceError
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN
from include.services.processes.files import locked, log_tail, make_private_folder, read_record, write_record
from include.services.processes.group import (
    PROJECT_ROOT,
    child_environ,
    group_record,
    join_group,
    leave_group,
    start_group,
    stop_group,
)
from include.services.processes.parts import Part
from include.services.processes.ports import choose_port
from include.services.processes.record import GroupRecord

GROUP = "sandbox"
USUAL_PORT = 8085
START_SECONDS = 30.0
COUNTERS = "101:Europe/Moscow,202:Asia/Yekaterinburg"
VISITS_PER_DAY = 2000


def sandbox_environ(url: str) -> dict[str, str]:
    """Settings that point the product at the local Metrika.

    Args:
        url: its address.

    Returns:
        Names and values; polls are quick because its queue is short.
    """
    return {
        "METRIKA_API_URL": url,
        "METRIKA_TOKEN": DEMO_TOKEN,
        "METRIKA_COUNTER": ",".join(counter.split(":")[0] for counter in COUNTERS.split(",")),
        "METRIKA_POLL_SECONDS": "0.5",
        "COUNTERFLOW_POKE_SECONDS": "2",
    }


@contextmanager
def running_sandbox(local_dir: Path) -> Iterator[str]:
    """Lend the local Metrika to this process.

    Args:
        local_dir: folder of this machine's services; uploads and goals are kept there.

    Yields:
        Its address.

    Raises:
        ServiceError: it cannot start.
    """
    url = start_sandbox(local_dir, kept=False)
    try:
        yield url
    finally:
        with _locked(local_dir) as record:
            leave_group(record)


def start_sandbox(local_dir: Path, *, kept: bool) -> str:
    """Start the local Metrika, or join the one that runs.

    Args:
        local_dir: folder of this machine's services.
        kept: leave it running when this process ends.

    Returns:
        Its address.

    Raises:
        ServiceError: it cannot start.
    """
    with _locked(local_dir) as record:
        known = read_record(_ports_path(local_dir)).get("port", USUAL_PORT)
        if record.supervisor() is not None and _answers(known):
            join_group(record, kept=kept)
            return _url(known)
        stop_group(record)
        port = choose_port(known)
        part = _part(local_dir, port)
        start_group(record, [part], kept=kept)
        _wait(port, Path(part.log))
        write_record(_ports_path(local_dir), {"port": port})
        return _url(port)


def stop_sandbox(local_dir: Path) -> bool:
    """Stop the local Metrika, whoever wanted it.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        True when it was running.
    """
    if not local_dir.exists():
        return False
    with _locked(local_dir) as record:
        was_running = record.supervisor() is not None
        stop_group(record)
    return was_running


@contextmanager
def _locked(local_dir: Path) -> Iterator[GroupRecord]:
    record = group_record(local_dir, GROUP)
    with locked(record.lock_path):
        yield record


def _part(local_dir: Path, port: int) -> Part:
    folder = make_private_folder(local_dir.absolute() / "sandbox")
    log = make_private_folder(local_dir.absolute() / "logs") / "sandbox.log"
    options = ("--port", str(port), "--visits", str(VISITS_PER_DAY), "--counters", COUNTERS, "--state-dir", str(folder))
    return Part(
        name="sandbox",
        argv=(sys.executable, "-m", "include", "sandbox", "serve", *options),
        folder=str(PROJECT_ROOT),
        log=str(log),
        environ=child_environ(),
    )


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if time.monotonic() >= deadline:
            raise ServiceError(f"The local Metrika does not answer on port {port}:\n{log_tail(log)}")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        requests.get(_url(port), timeout=2)
    except requests.RequestException:
        return False
    return True


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _ports_path(local_dir: Path) -> Path:
    return local_dir.absolute() / "sandbox" / "port.json"
