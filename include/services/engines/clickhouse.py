"""ClickHouse of one machine: its configuration, its process, and the question whether it is ready."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import psutil
import requests

from include.errors import ServiceError
from include.secret import Secret
from include.services.processes.files import kept_secret, make_private_folder, write_private
from include.services.processes.group import child_environ
from include.services.processes.parts import Part
from include.services.processes.ports import LOOPBACK
from include.settings.stores import HTTP_PORT, NATIVE_PORT

NAME, USER = "clickhouse", "app"
USUAL_NATIVE_PORT, USUAL_HTTP_PORT = NATIVE_PORT, HTTP_PORT
STOP_SECONDS = 10.0  # it takes 1.2-1.8 s
REQUEST_SECONDS = 5.0
MEMORY_SHARE, MEMORY_MAX_BYTES = 0.5, 4_000_000_000  # leaves room for Airflow and PostgreSQL

CONFIG_XML = """<clickhouse>
  <tcp_port>{native_port}</tcp_port>
  <http_port>{http_port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <users_config>users.xml</users_config>
  <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
{extra}</clickhouse>
"""

# The session that opens the ports logs in as `default` without a password, so `default` may do nothing
# else; its own profile stays empty because a time limit there would end the server.
USERS_XML = """<clickhouse>
  <profiles>
    <default/>
    <app>
      <async_insert>0</async_insert>
      <date_time_input_format>best_effort</date_time_input_format>
      <input_format_skip_unknown_fields>0</input_format_skip_unknown_fields>
      <input_format_allow_errors_num>0</input_format_allow_errors_num>
    </app>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <app>
      <password_sha256_hex>{password_sha256}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>app</profile>
      <quota>default</quota>
    </app>
  </users>
</clickhouse>
"""


def prepare(folder: Path, log: Path, *, native_port: int, http_port: int, extra_config: str = "") -> Part:
    """Write the configuration and say how to run ClickHouse over a folder.

    Args:
        folder: keeps the configuration, the data and the generated password.
        log: file for its output.
        native_port: loopback port of the native protocol.
        http_port: loopback port of the HTTP protocol.
        extra_config: more XML for ``config.xml``, for example ``<remote_servers>``.

    Returns:
        The process to run.

    Raises:
        ServiceError: the package that carries ClickHouse is not installed.
    """
    if importlib.util.find_spec("chdb") is None:
        raise ServiceError(
            "The package chdb-core, which carries ClickHouse, is not installed; "
            "run make setup, or set CLICKHOUSE_URL to a ClickHouse of your own."
        )
    make_private_folder(folder)
    memory_bytes = min(int(psutil.virtual_memory().total * MEMORY_SHARE), MEMORY_MAX_BYTES)
    config = CONFIG_XML.format(
        native_port=native_port, http_port=http_port, memory_bytes=memory_bytes, extra=extra_config
    )
    password_sha256 = hashlib.sha256(password_of(folder).value.encode()).hexdigest()
    write_private(folder / "config.xml", config)
    write_private(folder / "users.xml", USERS_XML.format(password_sha256=escape(password_sha256)))
    return Part(
        name=NAME,
        argv=(sys.executable, "-m", "include.services.engines.clickhouse_server", str(folder / "data")),
        folder=str(folder),
        log=str(log),
        environ=child_environ(),
        stop_seconds=STOP_SECONDS,
        stop_rank=1,  # before PostgreSQL
        ping_url=f"http://{LOOPBACK}:{http_port}/ping",
    )


def password_of(folder: Path) -> Secret:
    """Give the generated password of the product's user.

    Args:
        folder: folder given to :func:`prepare`.

    Returns:
        The password; made on first use.
    """
    return Secret(kept_secret(folder / "password"))


def is_ready(folder: Path, http_port: int) -> bool:
    """Say whether our ClickHouse answers its ping and a login with our password.

    Args:
        folder: folder given to :func:`prepare`.
        http_port: its HTTP port.

    Returns:
        True when it does; False while it starts, or when somebody else listens there.
    """
    try:
        with _session() as session:
            ping = session.get(f"http://{LOOPBACK}:{http_port}/ping", timeout=REQUEST_SECONDS)
        return ping.ok and run_statement(folder, http_port, "SELECT 1") == "1"
    except (requests.RequestException, ServiceError):
        return False


def create_database(folder: Path, http_port: int, database: str) -> None:
    """Create the product's database where it is missing; the built-in one cannot swap tables.

    Args:
        folder: folder given to :func:`prepare`.
        http_port: its HTTP port.
        database: name.

    Raises:
        ServiceError: ClickHouse refused.
    """
    quoted = "`" + database.replace("\\", "\\\\").replace("`", "\\`") + "`"
    run_statement(folder, http_port, f"CREATE DATABASE IF NOT EXISTS {quoted}")


def run_statement(folder: Path, http_port: int, statement: str) -> str:
    """Run one statement as the product's user.

    Args:
        folder: folder given to :func:`prepare`.
        http_port: its HTTP port.
        statement: SQL without parameters.

    Returns:
        The answer as text without the last line end.

    Raises:
        ServiceError: ClickHouse refused.
        requests.RequestException: it cannot be reached.
    """
    with _session() as session:
        answer = session.post(
            f"http://{LOOPBACK}:{http_port}/",
            data=statement.encode(),
            headers={"X-ClickHouse-User": USER, "X-ClickHouse-Key": password_of(folder).value},
            timeout=REQUEST_SECONDS,
        )
    if not answer.ok:
        raise ServiceError(f"The local ClickHouse refused a statement: {answer.text.strip()[:300]}")
    return answer.text.rstrip("\n")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment must not see loopback traffic
    return session
