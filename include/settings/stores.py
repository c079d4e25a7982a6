"""Settings of the two stores: where they are and how to log in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from include.errors import ConfigError
from include.secret import Secret
from include.settings.reading import number

NATIVE_PORT, HTTP_PORT = 9000, 8123  # ClickHouse defaults


@dataclass(frozen=True)
class ClickHouseSettings:
    """Where ClickHouse is.

    Attributes:
        host: name or address.
        native_port: port of the native protocol.
        http_port: port of the HTTP protocol.
        user: login.
        password: its password.
        database: an own database, never ``default`` on a served engine.
        cluster: cluster name for ON CLUSTER statements; empty on one server.
        read_seconds: how long a question somebody waits for may take before it is given up.
    """

    host: str
    native_port: int
    http_port: int
    user: str
    password: Secret
    database: str
    cluster: str = ""
    read_seconds: float = 30.0


def with_driver(url: str) -> str:
    """Name the psycopg2 driver in a PostgreSQL URL that names none.

    Args:
        url: for example ``postgresql://user@host/db``.

    Returns:
        The URL with ``postgresql+psycopg2://``; other drivers stay as they are.

    Raises:
        ConfigError: the URL is not a PostgreSQL URL.

    >>> with_driver("postgres://u@h/db")
    'postgresql+psycopg2://u@h/db'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.startswith("postgres"):
        raise ConfigError("DATABASE_URL must start with postgresql://; other databases are not supported.")
    return url if "+" in scheme else f"postgresql+psycopg2://{rest}"


def clickhouse_from(env: Mapping[str, str]) -> ClickHouseSettings | None:
    """Read where ClickHouse is.

    Args:
        env: names and values.

    Returns:
        The settings, or None when no address is given.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    read_seconds = number(env, "CLICKHOUSE_TIMEOUT_SECONDS", 30, 0.1, 3600)
    url = env.get("CLICKHOUSE_URL")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("clickhouse", "http") or not parts.hostname:
        raise ConfigError("CLICKHOUSE_URL must look like clickhouse://host:9000/db or http://host:8123.")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    native, http = _clickhouse_ports(parts.scheme, parts.port, query)
    return ClickHouseSettings(
        host=parts.hostname,
        native_port=native,
        http_port=http,
        user=env.get("CLICKHOUSE_USER") or unquote(parts.username or "") or "default",
        password=Secret(env.get("CLICKHOUSE_PASSWORD") or unquote(parts.password or "")),
        database=env.get("CLICKHOUSE_DATABASE") or parts.path.strip("/") or "counterflow",
        cluster=env.get("CLICKHOUSE_CLUSTER") or "",
        read_seconds=read_seconds,
    )


def _clickhouse_ports(scheme: str, port: int | None, query: Mapping[str, str]) -> tuple[int, int]:
    is_http = scheme == "http"
    native, http = (NATIVE_PORT, port or HTTP_PORT) if is_http else (port or NATIVE_PORT, HTTP_PORT)
    try:
        return int(query.get("native_port") or native), int(query.get("http_port") or http)
    except ValueError:
        raise ConfigError("native_port and http_port in CLICKHOUSE_URL must be whole numbers.") from None
