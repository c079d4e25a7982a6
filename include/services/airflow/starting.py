"""The steps of a start of the local Airflow: its database, its processes, its health."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import URL, make_url

from include.errors import ServiceError
from include.services.airflow.client import HEALTH_PARTS, AirflowClient
from include.services.airflow.settings import (
    USUAL_PORT,
    USUAL_TRIGGER_LOG_PORT,
    USUAL_WORKER_LOG_PORT,
    AirflowHome,
    AirflowPorts,
)
from include.services.engines.endpoints import Endpoints
from include.services.processes.files import log_tail, make_private_folder, read_record
from include.services.processes.group import PROJECT_ROOT, ended_parts
from include.services.processes.parts import Part
from include.services.processes.ports import choose_port
from include.services.processes.record import GroupRecord

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTH_SECONDS, MIGRATE_SECONDS = 120.0, 300.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.3


def choose_ports(home: AirflowHome) -> AirflowPorts:
    """Choose free ports, those of the last start first.

    Args:
        home: folder of the local Airflow.

    Returns:
        Three different free ports.
    """
    known = read_record(home.folder / "ports.json")
    api = choose_port(known.get("api", USUAL_PORT))
    worker = choose_port(known.get("worker_log", USUAL_WORKER_LOG_PORT), avoid=(api,))
    trigger = choose_port(known.get("trigger_log", USUAL_TRIGGER_LOG_PORT), avoid=(api, worker))
    return AirflowPorts(api, worker, trigger)


def components(local_dir: Path, environ: dict[str, str]) -> list[Part]:
    """Say how to run Airflow's four processes.

    Args:
        local_dir: folder of this machine's services.
        environ: their whole environment.

    Returns:
        Processes in start order.
    """
    return [
        Part(
            name=f"airflow-{component}",
            argv=(sys.executable, "-m", "airflow", component),
            folder=str(PROJECT_ROOT),
            log=str(_log(local_dir, component)),
            environ=environ,
            stop_seconds=STOP_SECONDS,
        )
        for component in COMPONENTS
    ]


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


def migrate(local_dir: Path, environ: dict[str, str]) -> None:
    """Bring Airflow's database to the installed version; changes nothing when it is there already.

    Args:
        local_dir: folder of this machine's services.
        environ: environment of Airflow's processes.

    Raises:
        ServiceError: Airflow refused; the message shows its last lines.
    """
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


def wait_until_healthy(local_dir: Path, record: GroupRecord, client: AirflowClient) -> None:
    """Wait until all four parts call themselves healthy.

    Args:
        local_dir: folder of this machine's services.
        record: the group that runs them.
        client: of the starting Airflow.

    Raises:
        ServiceError: one ended or is not healthy after two minutes; the message shows its last lines.
    """
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        if record.supervisor() is None:
            raise ServiceError(f"Airflow's supervisor ended:\n{log_tail(record.log_path)}")
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
