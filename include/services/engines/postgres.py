"""PostgreSQL of one machine: made once with a generated password, run as a plain child process."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from include.errors import ServiceError
from include.secret import Secret, url_with_password
from include.services.engines.postgres_program import PostgresProgram, find_program
from include.services.processes.files import kept_secret, make_private_folder
from include.services.processes.looking import ProcessId
from include.services.processes.parts import Part
from include.services.processes.ports import LOOPBACK

NAME, USUAL_PORT, USER = "postgres", 5432, "counterflow"
STATE_DATABASE, AIRFLOW_DATABASE = "state", "airflow"
STOP_SECONDS = 30.0  # a fast shutdown writes a checkpoint first
CONNECT_SECONDS, INITDB_SECONDS = 3, 120
OWN_FOLDER = "/proc/self/cwd"
# For thousands of events per second: after each checkpoint a page is written to the log whole the first time it
# changes, and ids of events change pages all over their index. So: fewer checkpoints, smaller pages in the log,
# and room for the index. What is committed is on the disk: fsync and synchronous_commit stay on.
SERVER_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
}


def prepare(folder: Path, log: Path, port: int) -> Part:
    """Make the data folder on first use and say how to run PostgreSQL over it.

    Args:
        folder: keeps the data and the generated password.
        log: file for its output.
        port: loopback port to listen on.

    Returns:
        The process to run.

    Raises:
        ServiceError: it cannot run on this machine, or the data folder cannot be made.
    """
    program = find_program()
    data = _data_folder(make_private_folder(folder), program)
    if not (data / "PG_VERSION").exists():
        _make_cluster(program, data, Secret(kept_secret(folder / "password")))
    _forget_dead_server(data)
    return Part(
        name=NAME,
        argv=(
            str(program.bin_dir / "postgres"),
            *("-D", _seen_from_inside(program, data)),
            *("-h", LOOPBACK, "-p", str(port), "-k", ""),
            *(part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")),
        ),
        folder=str(data),
        log=str(log),
        environ=_environ(),
        user_id=program.user_id,
        group_id=program.group_id,
        stop_signal=int(signal.SIGINT),  # SIGTERM would wait for every client to leave
        stop_seconds=STOP_SECONDS,
        death_signal=int(signal.SIGINT),
    )


def database_url(folder: Path, port: int, database: str) -> Secret:
    """Give the address of a database of the local PostgreSQL.

    Args:
        folder: folder given to :func:`prepare`.
        port: its port.
        database: name.

    Returns:
        The URL with login and password, for SQLAlchemy.
    """
    password = Secret(kept_secret(folder / "password"))
    return Secret(url_with_password("postgresql+psycopg2", USER, password, f"{LOOPBACK}:{port}/{database}"))


def is_ready(folder: Path, port: int) -> bool:
    """Say whether our PostgreSQL answers a login with our password.

    Args:
        folder: folder given to :func:`prepare`.
        port: its port.

    Returns:
        True when it does; False while it starts, or when somebody else listens there.
    """
    done = subprocess.run(
        [str(find_program().bin_dir / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)],
        env=_environ(),
        check=False,
    )
    if done.returncode != 0:
        return False
    try:
        with closing(_connect(folder, port, "postgres")):
            return True
    except psycopg2.OperationalError:
        return False


def create_databases(folder: Path, port: int) -> None:
    """Create the product's database and Airflow's, where they are missing.

    Args:
        folder: folder given to :func:`prepare`.
        port: its port.
    """
    with closing(_connect(folder, port, "postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            known = {name for (name,) in cursor.fetchall()}
            for database in (STATE_DATABASE, AIRFLOW_DATABASE):
                if database not in known:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def server_version(folder: Path, port: int) -> str:
    """Give the version of the running server, for example ``18.4``.

    Args:
        folder: folder given to :func:`prepare`.
        port: its port.

    Returns:
        The version.
    """
    with closing(_connect(folder, port, "postgres")) as connection:
        version: int = connection.server_version  # 180004
        return f"{version // 10000}.{version % 10000}"


def _connect(folder: Path, port: int, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=LOOPBACK,
        port=port,
        user=USER,
        password=kept_secret(folder / "password"),
        dbname=database,
        connect_timeout=CONNECT_SECONDS,
    )


def _data_folder(folder: Path, program: PostgresProgram) -> Path:
    data = folder / f"data-{program.bin_dir.parent.name.removeprefix('pginstall')}"
    data.mkdir(mode=0o700, exist_ok=True)
    wanted = os.geteuid() if program.user_id is None else program.user_id
    owner = data.stat().st_uid
    if owner == wanted:
        return data
    if program.user_id is None:
        raise ServiceError(
            f"{data} belongs to another user (id {owner}); run the command as that user, or as root, "
            f"or remove {folder} to start with an empty database."
        )
    _hand_over(data, program)
    return data


def _hand_over(data: Path, program: PostgresProgram) -> None:
    """Give the data to the user PostgreSQL runs as, when root uses a folder an ordinary user made."""
    user_id, group_id = int(program.user_id or 0), int(program.group_id or 0)
    for parent, folders, names in os.walk(data):
        for name in (*folders, *names):
            os.lchown(Path(parent) / name, user_id, group_id)
    os.chown(data, user_id, group_id)


def _forget_dead_server(data: Path) -> None:
    """Remove the lock file of a server that was killed.

    PostgreSQL does so itself, except when its id belongs to a zombie (a container whose first process
    never collects them) or to another process of the same user by now. Survivors of the old server
    still keep a new one from starting: they hold the shared memory named after the folder.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if ProcessId.of(pid) is None or not _stands_in(pid, data):
        lock.unlink(missing_ok=True)


def _stands_in(pid: int, folder: Path) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == folder.resolve()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # PostgreSQL decides


def _seen_from_inside(program: PostgresProgram, data: Path) -> str:
    # After root has handed over, the parents of the folder may be closed to the new user; the process
    # still stands in the folder and reaches it by this name.
    return str(data) if program.user_id is None else OWN_FOLDER


def _make_cluster(program: PostgresProgram, data: Path, password: Secret) -> None:
    for leftover in data.iterdir():
        raise ServiceError(f"{data} holds {leftover.name} but no database; remove the folder and try again.")
    reading, writing = os.pipe()
    try:
        os.write(writing, password.value.encode() + b"\n")
        os.close(writing)
        if program.user_id is not None:
            os.fchown(reading, program.user_id, -1)
        done = subprocess.run(
            [
                str(program.bin_dir / "initdb"),
                *("-D", _seen_from_inside(program, data), "-U", USER, "--auth=scram-sha-256"),
                *(f"--pwfile=/dev/fd/{reading}", "--locale=C.UTF-8", "--encoding=UTF8"),
            ],
            cwd=data,
            env=_environ(),
            pass_fds=[reading],
            capture_output=True,
            text=True,
            timeout=INITDB_SECONDS,
            user=program.user_id,
            group=program.group_id,
            extra_groups=None if program.user_id is None else [],
            check=False,
        )
    finally:
        os.close(reading)
    if done.returncode != 0:
        raise ServiceError(f"PostgreSQL could not make its data folder {data}: {done.stderr.strip()[-500:]}")


def _environ() -> dict[str, str]:
    # Nothing of the caller's PG* variables may reach the server or its tools.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
