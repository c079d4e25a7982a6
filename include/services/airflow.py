"""Airflow of one machine: four processes of our own, never the all-in-one command.

The all-in-one command leaves its children behind when it is terminated; four processes under our
supervisor end together, and before the engines they use.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import URL, make_url

from include.errors import ServiceError
from include.services import stack
from include.services.airflow_client import HEALTH_PARTS, AirflowClient
from include.services.airflow_settings import (
    ADMIN,
    API_PREFIX,
    USUAL_PORT,
    USUAL_TRIGGER_LOG_PORT,
    USUAL_WORKER_LOG_PORT,
    AirflowHome,
    AirflowPorts,
    airflow_environ,
)
from include.services.endpoints import Endpoints
from include.services.files import locked, log_tail, make_private_folder, read_record, write_record
from include.services.group import (
    PROJECT_ROOT,
    ended_parts,
    group_record,
    join_group,
    leave_group,
    start_group,
    stop_group,
)
from include.services.parts import Part
from include.services.ports import LOOPBACK, choose_port
from include.services.record import GroupRecord
from include.settings import Secret

GROUP = "airflow"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTH_SECONDS, DAG_SECONDS, MIGRATE_SECONDS = 120.0, 120.0, 300.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.3
POOL, POOL_SLOTS = "metrika_api", 3  # Metrika's limit of requests at once
POOL_DESCRIPTION = "Tasks that talk to Yandex Metrika: three requests at once per account"
# Settings that make a running Airflow the wrong one when they differ.
COMPARED_PREFIXES = ("METRIKA_", "CONVERSION_", "DATABASE_URL", "CLICKHOUSE_", "AIRFLOW_CONN_")


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
    ports = _choose_ports(home)
    password = home.admin_password()
    base_url = f"http://{LOOPBACK}:{ports.api}"
    access = AirflowAccess(base_url, base_url + API_PREFIX, ADMIN, password)
    child = airflow_environ(home, ports, endpoints, environ)
    create_metadata_database(endpoints)
    _migrate(local_dir, child)
    start_group(record, [_part(local_dir, name, child) for name in COMPONENTS], kept=kept)
    stack.lend_to(local_dir, record.supervisor())
    _wait_until_healthy(local_dir, record, access.client())
    access.client().set_pool(POOL, POOL_SLOTS, POOL_DESCRIPTION)
    write_record(home.folder / "ports.json", {**asdict(ports), "environ_digest": digest})
    write_record(access_path(local_dir), access.to_record())
    return access


def _choose_ports(home: AirflowHome) -> AirflowPorts:
    known = read_record(home.folder / "ports.json")
    api = choose_port(known.get("api", USUAL_PORT))
    worker = choose_port(known.get("worker_log", USUAL_WORKER_LOG_PORT), avoid=(api,))
    trigger = choose_port(known.get("trigger_log", USUAL_TRIGGER_LOG_PORT), avoid=(api, worker))
    return AirflowPorts(api, worker, trigger)


def _part(local_dir: Path, component: str, environ: dict[str, str]) -> Part:
    return Part(
        name=f"airflow-{component}",
        argv=(sys.executable, "-m", "airflow", component),
        folder=str(PROJECT_ROOT),
        log=str(_log(local_dir, component)),
        environ=environ,
        stop_seconds=STOP_SECONDS,
    )


def _log(local_dir: Path, component: str) -> Path:
    return make_private_folder(local_dir.absolute() / "logs") / f"airflow-{component}.log"


def create_metadata_database(endpoints: Endpoints) -> None:
    """Create Airflow's own database where it is missing.

    Args:
        endpoints: the engines.

    Raises:
        ServiceError: PostgreSQL cannot be reached, or the login may not create it.
    """
    target, product = make_url(endpoints.airflow_database_url), make_url(endpoints.database_url)
    try:
        try:
            _connect(target).close()
            return
        except psycopg2.OperationalError as error:
            if f'database "{target.database}" does not exist' not in str(error):
                raise
        connection = _connect(product)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(target.database or "airflow")))
        finally:
            connection.close()
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise ServiceError(
            f"Airflow needs a PostgreSQL database named {target.database} of its own ({reason}); "
            "create it, or give its address as AIRFLOW__DATABASE__SQL_ALCHEMY_CONN."
        ) from error


def _connect(url: URL) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database, **dict(url.query)
    )


def _migrate(local_dir: Path, environ: dict[str, str]) -> None:
    log = _log(local_dir, "migrate")
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            cwd=PROJECT_ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            timeout=MIGRATE_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise ServiceError(f"Airflow could not prepare its database. The end of {log}:\n{log_tail(log)}")


def _wait_until_healthy(local_dir: Path, record: GroupRecord, client: AirflowClient) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        for name in ended_parts(record):
            log = _log(local_dir, name.removeprefix("airflow-"))
            raise ServiceError(f"{name} ended right after its start. The end of {log}:\n{log_tail(log)}")
        health = client.health()
        unhealthy = [part for part in HEALTH_PARTS if health.get(part) != "healthy"]
        if not unhealthy:
            return
        if time.monotonic() >= deadline:
            log = _log(local_dir, _component_of(health, unhealthy[0]))
            raise ServiceError(
                f"Airflow's {unhealthy[0]} is not healthy after {HEALTH_SECONDS:.0f} seconds. "
                f"The end of {log}:\n{log_tail(log)}"
            )
        time.sleep(POLL_SECONDS)


def _component_of(health: Mapping[str, str], part: str) -> str:
    component = part.replace("_", "-")
    return component if health and component in COMPONENTS else "api-server"


def _digest(environ: Mapping[str, str]) -> str:
    compared = {name: value for name, value in environ.items() if name.startswith(COMPARED_PREFIXES)}
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def _refuse_other(local_dir: Path, digest: str) -> None:
    known = read_record(AirflowHome.below(local_dir).folder / "ports.json").get("environ_digest")
    if known != digest:
        raise ServiceError(
            f"An Airflow with other settings already runs below {local_dir}; stop it with `make down` and try again."
        )
