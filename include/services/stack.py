"""The engines of one machine as a whole: start, join, show, stop.

Two lifetimes. ``up`` leaves the engines running until ``down``; ``running_engines`` lends them to the
caller and nothing is left when the caller ends, however it ends. Both may be used at once on one folder:
the engines stop when they are not kept and nobody wants them any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from include.errors import ServiceError
from include.services.engines.endpoints import Endpoints
from include.services.engines.starting import EnginePlan, EnginePorts, PortTaken
from include.services.processes.files import locked, read_record, write_record
from include.services.processes.group import group_record, join_group, leave_group, start_group, stop_group
from include.services.processes.looking import ProcessId
from include.services.processes.record import GroupRecord

GROUP = "engines"
START_ATTEMPTS = 4  # a lost race for a port costs one


@dataclass(frozen=True)
class ServiceState:
    """One engine or Airflow process as it is now.

    Attributes:
        name: for example ``postgres``.
        state: ``running``, ``stopped`` or ``ended`` (by itself, not started again).
        pid: process id; None when it does not run.
        port: main loopback port; None when it has none of its own.
        restart_count: how often it was started again after an unexpected end.
    """

    name: str
    state: str
    pid: int | None = None
    port: int | None = None
    restart_count: int = 0


def up(local_dir: Path, environ: Mapping[str, str] | None = None) -> Endpoints:
    """Start the engines that are not given by address and leave them running.

    Args:
        local_dir: folder of this machine's services; made when absent.
        environ: environment; this process's when None.

    Returns:
        Addresses of both engines.

    Raises:
        ConfigError: an address in the environment cannot be read.
        ServiceError: an engine cannot start; the message says why and what to do.
    """
    endpoints = _acquire(local_dir, environ, kept=True)
    with _locked_record(local_dir) as record:
        leave_group(record)
    return endpoints


@contextmanager
def running_engines(local_dir: Path, environ: Mapping[str, str] | None = None) -> Iterator[Endpoints]:
    """Lend the engines to this process: started when needed, gone when nobody uses them any more.

    Args:
        local_dir: folder of this machine's services; made when absent.
        environ: environment; this process's when None.

    Yields:
        Addresses of both engines.

    Raises:
        ConfigError: an address in the environment cannot be read.
        ServiceError: an engine cannot start; the message says why and what to do.
    """
    endpoints = _acquire(local_dir, environ, kept=False)
    try:
        yield endpoints
    finally:
        with _locked_record(local_dir) as record:
            leave_group(record)


def lend_to(local_dir: Path, borrower: ProcessId | None) -> None:
    """Keep the engines for another process, so that they outlive it: Airflow's supervisor.

    Args:
        local_dir: folder of this machine's services.
        borrower: the process; None does nothing.
    """
    with _locked_record(local_dir) as record:
        if borrower is not None and record.supervisor() is not None:
            join_group(record, kept=False, owner=borrower)


def down(local_dir: Path) -> bool:
    """Stop the engines, whoever wanted them.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        True when something was running.

    Raises:
        ServiceError: an engine does not end.
    """
    if not local_dir.exists():
        return False
    with _locked_record(local_dir) as record:
        was_running = any(one.state == "running" for one in status(local_dir))
        stop_group(record)
    return was_running


def status(local_dir: Path) -> list[ServiceState]:
    """Show the engines that this machine runs or has run.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        One entry per engine, in start order.
    """
    ports = known_ports(local_dir)
    parts = group_record(local_dir, GROUP).parts() if local_dir.exists() else {}
    main_ports = {"postgres": ports.get("postgres"), "clickhouse": ports.get("native")}
    return [state_of(name, parts.get(name, {}), port) for name, port in main_ports.items()]


def endpoints_of(local_dir: Path) -> Endpoints | None:
    """Give the addresses of the running engines.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        The endpoints, or None when the engines do not run.
    """
    if not local_dir.exists() or group_record(local_dir, GROUP).supervisor() is None:
        return None
    record = read_record(services_path(local_dir)).get("endpoints")
    return Endpoints.from_record(record) if record else None


def known_ports(local_dir: Path) -> dict[str, int]:
    """Give the ports of the last start by name; empty before the first."""
    return dict(read_record(services_path(local_dir)).get("ports", {}))


def services_path(local_dir: Path) -> Path:
    """Give the private file that holds ports, processes and secrets of the engines."""
    return local_dir.absolute() / "services.json"


@contextmanager
def _locked_record(local_dir: Path) -> Iterator[GroupRecord]:
    record = group_record(local_dir, GROUP)
    with locked(record.lock_path):
        yield record


def _acquire(local_dir: Path, environ: Mapping[str, str] | None, *, kept: bool) -> Endpoints:
    plan = EnginePlan.from_env(local_dir, os.environ if environ is None else environ)
    if not plan.part_names:
        return plan.endpoints(EnginePorts(0, 0, 0))
    with _locked_record(plan.local_dir) as record:
        ports = _join(plan, record, kept=kept) or _start(plan, record, kept=kept)
        endpoints = plan.endpoints(ports)
        write_record(
            services_path(plan.local_dir),
            {
                "ports": asdict(ports),
                "endpoints": endpoints.to_record(),
                "processes": {one.name: one.pid for one in status(plan.local_dir)},
            },
        )
    return endpoints


def _join(plan: EnginePlan, record: GroupRecord, *, kept: bool) -> EnginePorts | None:
    """Join engines that already run; None when there are none that work."""
    ports = known_ports(plan.local_dir)
    if record.supervisor() is None or not ports:
        return None
    if missing := [name for name in plan.part_names if name not in record.parts()]:
        raise ServiceError(
            f"The engines below {plan.local_dir} were started without {missing[0]}, because its address was "
            "given then; stop them with `python -m include services down` and try again."
        )
    chosen = EnginePorts(**ports)
    try:
        plan.wait_until_ready(record, chosen)
    except ServiceError:
        return None  # they are stopped and started anew
    join_group(record, kept=kept)
    return chosen


def _start(plan: EnginePlan, record: GroupRecord, *, kept: bool) -> EnginePorts:
    for attempt in range(1, START_ATTEMPTS + 1):
        stop_group(record)
        ports = EnginePorts.choose(known_ports(plan.local_dir))
        try:
            start_group(record, plan.parts(ports), kept=kept)
            plan.wait_until_ready(record, ports)
            return ports
        except PortTaken:
            stop_group(record)
            if attempt == START_ATTEMPTS:
                raise
        except BaseException:
            stop_group(record)
            raise
    raise ServiceError("The engines lost their ports again and again; stop what takes them and try again.")


def state_of(name: str, report: Mapping[str, object], port: int | None) -> ServiceState:
    """Say how one process is from what its supervisor wrote.

    Args:
        name: its name.
        report: the supervisor's words; empty when it never ran.
        port: its main port, when it has one.

    Returns:
        The state.
    """
    identity = ProcessId.from_record(report.get("process"))
    count = report.get("restart_count")
    restart_count = count if isinstance(count, int) else 0
    if identity is not None and identity.is_running():
        return ServiceState(name, "running", identity.pid, port, restart_count)
    return ServiceState(name, "ended" if report.get("is_given_up") else "stopped", None, port, restart_count)
