"""From Airflow's connections to the names of the settings; called inside tasks only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

DEFAULT_CLICKHOUSE_PORT, DEFAULT_POSTGRES_PORT = 9000, 5432


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
    extra = connection.extra_dejson
    query = urlencode({"http_port": extra["http_port"]}) if extra.get("http_port") else ""
    address = f"{connection.host}:{connection.port or DEFAULT_CLICKHOUSE_PORT}/{connection.schema or ''}"
    return {
        "CLICKHOUSE_URL": f"clickhouse://{address}?{query}",
        "CLICKHOUSE_USER": connection.login or "",
        "CLICKHOUSE_PASSWORD": connection.password or "",
        "CLICKHOUSE_DATABASE": connection.schema or "",
        "CLICKHOUSE_CLUSTER": str(extra.get("cluster") or ""),
    }


def _postgres(connection: Any) -> dict[str, str]:
    from include.secret import Secret, url_with_password

    extra = {name: value for name, value in connection.extra_dejson.items() if isinstance(value, str)}
    query = f"?{urlencode(extra)}" if extra else ""
    address = f"{connection.host}:{connection.port or DEFAULT_POSTGRES_PORT}/{connection.schema or 'state'}{query}"
    password = Secret(connection.password or "")
    return {"DATABASE_URL": url_with_password("postgresql+psycopg2", connection.login or "", password, address)}


_READERS: dict[str, Callable[[Any], dict[str, str]]] = {
    "metrika_default": _metrika,
    "clickhouse_default": _clickhouse,
    "postgres_default": _postgres,
}
