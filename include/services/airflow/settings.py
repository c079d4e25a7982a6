"""The environment of the local Airflow: its settings, keys and connections."""

from __future__ import annotations

import base64
import json
import os
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.services.processes.files import kept_secret, make_private_folder, write_private
from include.services.processes.group import PROJECT_ROOT, child_environ
from include.services.processes.ports import LOOPBACK
from include.settings import Settings

USUAL_PORT, USUAL_WORKER_LOG_PORT, USUAL_TRIGGER_LOG_PORT = 8080, 8793, 8794
ADMIN = "admin"
API_PREFIX = "/counterflow"  # where the plugin's routes are mounted
TASK_SLOTS = 4  # each is a process of its own; the default would start 32
REFRESH_SECONDS = 10  # a new DAG file is seen after at most this long
FERNET_KEY_BYTES = 32


@dataclass(frozen=True)
class AirflowPorts:
    """Loopback ports of the local Airflow.

    Attributes:
        api: API server and UI.
        worker_log: log server of tasks.
        trigger_log: log server of triggers.
    """

    api: int
    worker_log: int
    trigger_log: int


@dataclass(frozen=True)
class AirflowHome:
    """The folder of the local Airflow and the secrets it keeps, each mode 600.

    Attributes:
        folder: AIRFLOW_HOME.
    """

    folder: Path

    @classmethod
    def below(cls, local_dir: Path) -> AirflowHome:
        """Give the home below the folder of this machine's services; made when absent."""
        return cls(make_private_folder(local_dir.absolute() / "airflow"))

    @property
    def passwords_path(self) -> Path:
        """File from which Airflow's simple login reads passwords."""
        return self.folder / "passwords.json"

    def admin_password(self) -> Secret:
        """Give the generated password of the one user, and write the file Airflow reads it from."""
        password = kept_secret(self.folder / "admin_password")
        write_private(self.passwords_path, json.dumps({ADMIN: password}))
        return Secret(password)

    def keys(self) -> dict[str, str]:
        """Give the keys that every Airflow process must share."""
        return {
            "AIRFLOW__API_AUTH__JWT_SECRET": kept_secret(self.folder / "jwt_secret"),
            "AIRFLOW__API__SECRET_KEY": kept_secret(self.folder / "api_secret_key"),
            "AIRFLOW__CORE__FERNET_KEY": kept_secret(self.folder / "fernet_key", _new_fernet_key),
        }


def airflow_environ(
    home: AirflowHome, ports: AirflowPorts, endpoints: Endpoints, environ: Mapping[str, str]
) -> dict[str, str]:
    """Build the whole environment of the local Airflow's processes.

    Args:
        home: its folder.
        ports: its ports.
        endpoints: the engines; Airflow's metadata lives there too.
        environ: the caller's environment; METRIKA_* and other product settings are taken from it.

    Returns:
        Names and values, secrets included.
    """
    inherited = {name: value for name, value in environ.items() if not name.startswith("AIRFLOW_")}
    given_connections = {n: v for n, v in environ.items() if n.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_"))}
    product = {**inherited, **endpoints.environment()}
    product.setdefault("COUNTERFLOW_LOCAL_DIR", str(home.folder.parent))
    scripts = sysconfig.get_path("scripts")
    return {
        **product,
        "PYTHONPATH": child_environ()["PYTHONPATH"],
        "PATH": os.pathsep.join(filter(None, (scripts, inherited.get("PATH", os.defpath)))),
        "NO_PROXY": ",".join(filter(None, (inherited.get("NO_PROXY"), LOOPBACK, "localhost"))),
        **_settings(home, ports, endpoints),
        **home.keys(),
        **connections(product),
        **given_connections,
    }


def connections(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the product's settings as Airflow connections, for those that are set.

    Args:
        environ: names and values as :class:`include.settings.Settings` reads them.

    Returns:
        ``AIRFLOW_CONN_*`` names with JSON values.
    """
    settings = Settings.from_env(environ)
    found: dict[str, dict[str, object]] = {}
    if settings.metrika.token is not None:
        found["METRIKA_DEFAULT"] = {
            "conn_type": "metrika",
            "host": settings.metrika.api_url,
            "password": settings.metrika.token.value,
            "extra": {"counter": ",".join(map(str, settings.metrika.counter_ids))},
        }
    if settings.clickhouse is not None:
        found["CLICKHOUSE_DEFAULT"] = {
            "conn_type": "clickhouse",
            "host": settings.clickhouse.host,
            "port": settings.clickhouse.native_port,
            "login": settings.clickhouse.user,
            "password": settings.clickhouse.password.value,
            "schema": settings.clickhouse.database,
            "extra": {"http_port": settings.clickhouse.http_port, "cluster": settings.clickhouse.cluster},
        }
    if settings.database_url is not None:
        url = make_url(settings.database_url.value)
        found["POSTGRES_DEFAULT"] = {
            "conn_type": "postgres",
            "host": url.host,
            "port": url.port,
            "login": url.username,
            "password": url.password,
            "schema": url.database,
            "extra": dict(url.query),
        }
    return {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in found.items()}


def _settings(home: AirflowHome, ports: AirflowPorts, endpoints: Endpoints) -> dict[str, str]:
    base_url = f"http://{LOOPBACK}:{ports.api}"
    by_section: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": PROJECT_ROOT / "dags",
            "plugins_folder": PROJECT_ROOT / "plugins",
            "executor": "LocalExecutor",
            "parallelism": TASK_SLOTS,
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "execution_api_server_url": f"{base_url}/execution/",
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": home.passwords_path,
        },
        "api": {"host": LOOPBACK, "port": ports.api, "base_url": base_url, "workers": 1},
        "dag_processor": {"refresh_interval": REFRESH_SECONDS},
        "database": {"sql_alchemy_conn": endpoints.airflow_database_url},
        "logging": {
            "base_log_folder": home.folder / "logs",
            "worker_log_server_port": ports.worker_log,
            "trigger_log_server_port": ports.trigger_log,
        },
    }
    named = {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, values in by_section.items()
        for key, value in values.items()
    }
    return {"AIRFLOW_HOME": str(home.folder), **named}


def _new_fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(FERNET_KEY_BYTES)).decode()
