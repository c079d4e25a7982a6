"""Airflow of one machine: four processes of our own, never the all-in-one command.

The all-in-one command leaves its children behind when it is terminated; four processes under our
supervisor end together, and before the engines they use.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from include.errors import ServiceError
from include.secret import Secret
from include.services import stack
from include.services.airflow.client import AirflowClient
from include.services.airflow.settings import ADMIN, API_PREFIX, AirflowHome, airflow_environ
from include.services.airflow.starting import (
    choose_ports,
    components,
    create_metadata_database,
    migrate,
    wait_until_healthy,
)
from include.services.engines.endpoints import Endpoints
from include.services.processes.files import locked, read_record, write_record
from include.services.processes.group import group_record, join_group, leave_group, start_group, stop_group
from include.services.processes.ports import LOOPBACK
from include.services.processes.record import GroupRecord

GROUP = "airflow"
DAG_SECONDS, POLL_SECONDS = 120.0, 0.3
POOL, POOL_SLOTS = "metrika_api", 3  # Metrika's limit of requests at once
POOL_DESCRIPTION = "Tasks that talk to Yandex Metrika: three requests at once per account"
# Settings that make a running Airflow the wrong one when they differ.
COMPARED_PREFIXES = ("METRIKA_", "CONVERSION_", "DATABASE_URL", "CLICKHOUSE_", "AIRFLOW_CONN_")
STARTS = Path(tempfile.gettempdir()) / f"counterflow-airflow-starts-{os.getuid()}.lock"
START_WAIT_SECONDS = 300.0  # a start takes half a minute; several may queue


@dataclass(frozen=True)
class AirflowAccess:
    """How a person or a program reaches the local Airflow.

    Attributes:
        ui_url: the UI.
        api_url: prefix of the product's own routes.
        user: login.
        password: its password.
    """

    ui_url: str
    api_url: str
    user: str
    password: Secret

    def client(self) -> AirflowClient:
        """Give a client of the REST interface."""
        return AirflowClient(self.ui_url, self.user, self.password)

    def to_record(self) -> dict[str, str]:
        """Give the access as JSON values, password included: for private files only."""
        return {**asdict(self), "password": self.password.value}


def access_path(local_dir: Path) -> Path:
    """Give the private file that says how to reach the local Airflow."""
    return local_dir.absolute() / "access.json"


def access_of(local_dir: Path) -> AirflowAccess | None:
    """Say how to reach the running local Airflow.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        The access, or None when it does not run.
    """
    if not local_dir.exists() or group_record(local_dir, GROUP).supervisor() is None:
        return None
    record = read_record(access_path(local_dir))
    return AirflowAccess(**{**record, "password": Secret(record["password"])}) if record else None


def start_airflow(
    local_dir: Path,
    endpoints: Endpoints,
    environ: Mapping[str, str] | None = None,
    *,
    wanted_dags: Iterable[str] = (),
) -> AirflowAccess:
    """Start Airflow and leave it running until :func:`stop_airflow`.

    Args:
        local_dir: folder of this machine's services.
        endpoints: the engines.
        environ: environment whose settings the tasks get; this process's when None.
        wanted_dags: DAGs to wait for.

    Returns:
        How to reach it.

    Raises:
        ServiceError: it cannot start; the message says why and what to do.
    """
    access = _acquire(local_dir, endpoints, environ, kept=True)
    with _locked_record(local_dir) as record:
        leave_group(record)
    wait_for_dags(access.client(), wanted_dags)
    return access


@contextmanager
def running_airflow(
    local_dir: Path,
    endpoints: Endpoints,
    environ: Mapping[str, str] | None = None,
    *,
    wanted_dags: Iterable[str] = (),
) -> Iterator[AirflowAccess]:
    """Lend Airflow to this process: nothing of it is left when nobody uses it any more.

    Args:
        local_dir: folder of this machine's services.
        endpoints: the engines.
        environ: environment whose settings the tasks get; this process's when None.
        wanted_dags: DAGs to wait for.

    Yields:
        How to reach it.

    Raises:
        ServiceError: it cannot start; the message says why and what to do.
    """
    access = _acquire(local_dir, endpoints, environ, kept=False)
    try:
        wait_for_dags(access.client(), wanted_dags)
        yield access
    finally:
        with _locked_record(local_dir) as record:
            leave_group(record)


def stop_airflow(local_dir: Path) -> bool:
    """Stop Airflow, whoever wanted it.

    Args:
        local_dir: folder of this machine's services.

    Returns:
        True when it was running.
    """
    if not local_dir.exists():
        return False
    with _locked_record(local_dir) as record:
        was_running = record.supervisor() is not None
        stop_group(record)
    access_path(local_dir).unlink(missing_ok=True)
    return was_running


def wait_for_dags(client: AirflowClient, wanted_dags: Iterable[str]) -> None:
    """Wait until Airflow has read the wanted DAGs.

    Args:
        client: of the running Airflow.
        wanted_dags: their ids.

    Raises:
        ServiceError: some are missing after two minutes; the message shows the import errors.
    """
    wanted = set(wanted_dags)
    deadline = time.monotonic() + DAG_SECONDS
    while missing := sorted(wanted - set(client.dag_ids())) if wanted else []:
        if time.monotonic() >= deadline:
            errors = "; ".join(f"{name}: {text}" for name, text in client.import_errors().items())
            raise ServiceError(
                f"Airflow has not read the DAG {missing[0]} after {DAG_SECONDS:.0f} seconds. "
                f"Errors in DAG files: {errors or 'none'}."
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def _locked_record(local_dir: Path) -> Iterator[GroupRecord]:
    record = group_record(local_dir, GROUP)
    with locked(record.lock_path):
        yield record


def _acquire(local_dir: Path, endpoints: Endpoints, environ: Mapping[str, str] | None, *, kept: bool) -> AirflowAccess:
    environ = os.environ if environ is None else environ
    with _locked_record(local_dir) as record:
        digest = _digest({**environ, **endpoints.environment()})
        running = access_of(local_dir)
        if running is not None:
            _refuse_other(local_dir, digest)
        if running is not None and _is_healthy(local_dir, record, running):
            join_group(record, kept=kept)
            return running
        stop_group(record)
        try:
            return _start(local_dir, record, endpoints, environ, digest, kept=kept)
        except BaseException:
            stop_group(record)
            access_path(local_dir).unlink(missing_ok=True)
            raise


def _start(
    local_dir: Path,
    record: GroupRecord,
    endpoints: Endpoints,
    environ: Mapping[str, str],
    digest: str,
    *,
    kept: bool,
) -> AirflowAccess:
    home = AirflowHome.below(local_dir)
    with locked(STARTS, wait_seconds=START_WAIT_SECONDS):  # two first starts would choose the same free port
        ports = choose_ports(home)
        password = home.admin_password()
        base_url = f"http://{LOOPBACK}:{ports.api}"
        access = AirflowAccess(base_url, base_url + API_PREFIX, ADMIN, password)
        child = airflow_environ(home, ports, endpoints, environ)
        create_metadata_database(endpoints)
        migrate(local_dir, child)
        start_group(record, components(local_dir, child), kept=kept)
        stack.lend_to(local_dir, record.supervisor())
        wait_until_healthy(local_dir, record, access.client())
    access.client().set_pool(POOL, POOL_SLOTS, POOL_DESCRIPTION)
    write_record(home.folder / "ports.json", {**asdict(ports), "environ_digest": digest})
    write_record(access_path(local_dir), access.to_record())
    return access


def _is_healthy(local_dir: Path, record: GroupRecord, access: AirflowAccess) -> bool:
    try:
        wait_until_healthy(local_dir, record, access.client())
    except ServiceError:
        return False  # it is stopped and started anew
    return True


def _digest(environ: Mapping[str, str]) -> str:
    compared = {name: value for name, value in environ.items() if name.startswith(COMPARED_PREFIXES)}
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def _refuse_other(local_dir: Path, digest: str) -> None:
    known = read_record(AirflowHome.below(local_dir).folder / "ports.json").get("environ_digest")
    if known != digest:
        raise ServiceError(
            f"An Airflow with other settings already runs below {local_dir}; stop it with `make down` and try again."
        )
