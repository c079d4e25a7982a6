"""From Airflow's connections to the settings of the library; called inside tasks only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from include.metrika.session import MetrikaSession
    from include.services.stores import Stores
    from include.settings import Settings


@dataclass(frozen=True)
class Run:
    """What a task works with.

    Attributes:
        settings: settings with connections applied.
        stores: both stores.
        session: a session towards Metrika; its quota is shared by all tasks.
    """

    settings: Settings
    stores: Stores
    session: MetrikaSession


@contextmanager
def open_run(params: Mapping[str, Any]) -> Iterator[Run]:
    """Open everything a task needs.

    Args:
        params: parameters of the run; ``task_id`` names an API task whose token is used.

    Yields:
        Settings, stores and a Metrika session.
    """
    from include.metrika.quota import StateQuotaGate
    from include.metrika.session import MetrikaSession
    from include.services.stores import open_stores, read_settings

    settings = read_settings({**os.environ, **connection_environ()})
    stores = open_stores(settings)
    metrika = settings.metrika
    token = task_token(stores, str(params.get("task_id") or ""))
    if token is not None:
        metrika = replace(metrika, token=token)
    gate = StateQuotaGate.for_settings(stores.state, metrika)
    try:
        yield Run(replace(settings, metrika=metrika), stores, MetrikaSession(metrika, gate))
    finally:
        gate.close()
        stores.state.dispose()


def connection_environ() -> dict[str, str]:
    """Connections of Airflow under the names of the settings; they win over the environment.

    Returns:
        Only the names whose connection exists and says something.
    """
    found: dict[str, str] = {}
    for connection_id, read in _READERS.items():
        try:
            connection = Connection.get(connection_id)
        except AirflowNotFoundException:
            continue
        found |= {name: value for name, value in read(connection).items() if value}
    return found


def _metrika(connection: Any) -> dict[str, str]:
    extra = connection.extra_dejson
    return {
        "METRIKA_TOKEN": connection.password or "",
        "METRIKA_API_URL": connection.host or "",
        "METRIKA_COUNTER": str(extra.get("counters") or extra.get("counter") or connection.schema or ""),
    }


def _clickhouse(connection: Any) -> dict[str, str]:
    http = connection.extra_dejson.get("http_port")
    port = connection.port or 9000
    query = f"?http_port={http}" if http else ""
    return {
        "CLICKHOUSE_URL": f"clickhouse://{connection.host}:{port}/{connection.schema or ''}{query}",
        "CLICKHOUSE_USER": connection.login or "",
        "CLICKHOUSE_PASSWORD": connection.password or "",
        "CLICKHOUSE_DATABASE": connection.schema or "",
    }


def _postgres(connection: Any) -> dict[str, str]:
    from include.settings import Secret, url_with_password

    address = f"{connection.host}:{connection.port or 5432}/{connection.schema or 'state'}"
    password = Secret(connection.password or "")
    return {"DATABASE_URL": url_with_password("postgresql+psycopg2", connection.login or "", password, address)}


_READERS: dict[str, Callable[[Any], dict[str, str]]] = {
    "metrika_default": _metrika,
    "clickhouse_default": _clickhouse,
    "postgres_default": _postgres,
}


def task_token(stores: Stores, task_id: str) -> Any:
    """The token an API caller gave for one task, decrypted.

    Args:
        stores: both stores.
        task_id: the API task; empty for other runs.

    Returns:
        The token, or None when the task brought none.
    """
    from airflow.sdk.configuration import conf
    from cryptography.fernet import Fernet

    from include.settings import Secret
    from include.state.api_tasks import read_encrypted_token

    encrypted = read_encrypted_token(stores.state, task_id) if task_id else None
    if encrypted is None:
        return None
    return Secret(Fernet(conf.get("core", "fernet_key").encode()).decrypt(encrypted).decode())
