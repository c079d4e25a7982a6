"""Settings: environment -> frozen dataclasses, read once inside a job and passed down.

Names are those of the seed documents where they have one. Airflow connections win over the
environment: the wiring turns them into the same names before :func:`Settings.from_env`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from include.errors import ConfigError
from include.secret import Secret

METRIKA_API_URL = "https://api-metrika.yandex.net"
NATIVE_PORT, HTTP_PORT = 9000, 8123  # ClickHouse defaults


@dataclass(frozen=True)
class MetrikaSettings:
    """How to reach Metrika and how to treat what it sends.

    Attributes:
        token: OAuth token; None when not given.
        counter_ids: counters to work on, in order.
        api_url: base address without a trailing slash.
        visit_fields: extra ``ym:s:`` fields to load beside the required ones.
        hit_fields: extra ``ym:pv:`` fields.
        quotes: how double quotes in text fields are read: auto, raw or wrapped.
        reload_days: how many days before the asked one a daily run loads again.
        quarantine_share: share of unusable rows (0-1) above which a load fails.
        poll_seconds: first wait between status polls; grows to poll_max_seconds.
        poll_max_seconds: longest wait between polls.
        deadline_seconds: how long a log request may take in all.
    """

    token: Secret | None = None
    counter_ids: tuple[int, ...] = ()
    api_url: str = METRIKA_API_URL
    visit_fields: tuple[str, ...] = ()
    hit_fields: tuple[str, ...] = ()
    quotes: str = "auto"
    reload_days: int = 3
    quarantine_share: float = 0.01
    poll_seconds: float = 10.0
    poll_max_seconds: float = 60.0
    deadline_seconds: float = 4 * 3600.0


@dataclass(frozen=True)
class ConversionSettings:
    """How conversions are built and followed.

    Attributes:
        target: goal identifier of level 4+ visits.
        time_offset_seconds: 0-60, added to the conversion time but not to the ledger key.
        max_file_rows: rows per uploaded file.
        create_goal: create the goal when Metrika does not have it.
        linked_share_alert: share of linked rows (0-1) under which tracking warns.
        track_hours: how long an upload is followed before it is given up as unknown.
        retry_linkage_hours: wait before a LINKAGE_FAILURE batch is sent again.
    """

    target: str = "4plus"
    time_offset_seconds: int = 0
    max_file_rows: int = 1_000_000
    create_goal: bool = False
    linked_share_alert: float = 0.5
    track_hours: float = 24.0
    retry_linkage_hours: float = 24.0


@dataclass(frozen=True)
class DriftSettings:
    """What is done about a day that is unlike the days before.

    Attributes:
        blocks: hold the day's conversions until a person approves; otherwise only report.
        level: share of days (0-1) on which equal distributions may raise an alarm.
        floor_psi: smallest change worth an alarm, population stability index.
    """

    blocks: bool = False
    level: float = 0.01
    floor_psi: float = 0.1


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
    """

    host: str
    native_port: int
    http_port: int
    user: str
    password: Secret
    database: str
    cluster: str = ""


@dataclass(frozen=True)
class Settings:
    """All settings of one process; safe to log.

    Attributes:
        metrika: Metrika side.
        conversions: conversions side.
        drift: what is done about an unusual day.
        database_url: PostgreSQL of the product, or None for the embedded one.
        clickhouse: ClickHouse, or None for the embedded one.
        local_dir: folder of everything this machine keeps (engines, exports, models).
        exports_dir: folder of ``level4_visits_<DATE>.json``.
        models_dir: folder of the model registry's artefacts.
        public_url: address under which people reach the API, for links.
    """

    metrika: MetrikaSettings = field(default_factory=MetrikaSettings)
    conversions: ConversionSettings = field(default_factory=ConversionSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    database_url: Secret | None = None
    clickhouse: ClickHouseSettings | None = None
    local_dir: Path = Path(".local")
    public_url: str = ""

    @property
    def exports_dir(self) -> Path:
        """Folder of exported results."""
        return self.local_dir / "exports"

    @property
    def models_dir(self) -> Path:
        """Folder of model artefacts."""
        return self.local_dir / "models"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Args:
            environ: names and values; the process environment when None.

        Returns:
            The settings.

        Raises:
            ConfigError: a value cannot be read; the message names the setting.
        """
        env = os.environ if environ is None else environ
        database_url = env.get("DATABASE_URL") or None
        return cls(
            metrika=_metrika_from(env),
            conversions=_conversions_from(env),
            drift=_drift_from(env),
            database_url=Secret(with_driver(database_url)) if database_url else None,
            clickhouse=_clickhouse_from(env),
            local_dir=Path(env.get("COUNTERFLOW_LOCAL_DIR") or ".local").absolute(),
            public_url=(env.get("COUNTERFLOW_PUBLIC_URL") or "").rstrip("/"),
        )


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


def _clickhouse_from(env: Mapping[str, str]) -> ClickHouseSettings | None:
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
    )


def _clickhouse_ports(scheme: str, port: int | None, query: Mapping[str, str]) -> tuple[int, int]:
    is_http = scheme == "http"
    native, http = (NATIVE_PORT, port or HTTP_PORT) if is_http else (port or NATIVE_PORT, HTTP_PORT)
    try:
        return int(query.get("native_port") or native), int(query.get("http_port") or http)
    except ValueError:
        raise ConfigError("native_port and http_port in CLICKHOUSE_URL must be whole numbers.") from None


def _metrika_from(env: Mapping[str, str]) -> MetrikaSettings:
    quotes = env.get("METRIKA_QUOTES") or "auto"
    if quotes not in ("auto", "raw", "wrapped"):
        raise ConfigError(f"METRIKA_QUOTES is {quotes!r}; use auto, raw or wrapped.")
    token = env.get("METRIKA_TOKEN")
    return MetrikaSettings(
        token=Secret(token) if token else None,
        counter_ids=parse_counters(env.get("METRIKA_COUNTER") or ""),
        api_url=(env.get("METRIKA_API_URL") or METRIKA_API_URL).rstrip("/"),
        visit_fields=_names(env.get("METRIKA_VISIT_FIELDS")),
        hit_fields=_names(env.get("METRIKA_HIT_FIELDS")),
        quotes=quotes,
        reload_days=int(_number(env, "METRIKA_RELOAD_DAYS", 3, 0, 30)),
        quarantine_share=_number(env, "METRIKA_QUARANTINE_SHARE", 0.01, 0, 1),
        poll_seconds=_number(env, "METRIKA_POLL_SECONDS", 10, 0.01, 3600),
        poll_max_seconds=_number(env, "METRIKA_POLL_MAX_SECONDS", 60, 0.01, 3600),
        deadline_seconds=_number(env, "METRIKA_DEADLINE_SECONDS", 4 * 3600, 1, 7 * 86400),
    )


def _conversions_from(env: Mapping[str, str]) -> ConversionSettings:
    return ConversionSettings(
        target=env.get("CONVERSION_TARGET") or "4plus",
        time_offset_seconds=int(_number(env, "CONVERSION_TIME_OFFSET_SECONDS", 0, 0, 60)),
        max_file_rows=int(_number(env, "CONVERSION_MAX_FILE_ROWS", 1_000_000, 1, 10_000_000)),
        create_goal=(env.get("CONVERSION_CREATE_GOAL") or "").lower() in ("1", "true", "yes"),
        linked_share_alert=_number(env, "CONVERSION_LINKED_SHARE_ALERT", 0.5, 0, 1),
        track_hours=_number(env, "CONVERSION_TRACK_HOURS", 24, 0, 21 * 24),
        retry_linkage_hours=_number(env, "CONVERSION_RETRY_LINKAGE_HOURS", 24, 0, 21 * 24),
    )


def _drift_from(env: Mapping[str, str]) -> DriftSettings:
    action = env.get("COUNTERFLOW_DRIFT_ACTION") or "report"
    if action not in ("report", "block"):
        raise ConfigError(f"COUNTERFLOW_DRIFT_ACTION is {action!r}; use report or block.")
    level = _number(env, "COUNTERFLOW_DRIFT_LEVEL", 0.01, 0, 1)
    floor_psi = _number(env, "COUNTERFLOW_DRIFT_PSI", 0.1, 0, 10)
    return DriftSettings(action == "block", level, floor_psi)


def parse_counters(text: str) -> tuple[int, ...]:
    """Read one counter id or a comma list.

    Args:
        text: for example ``"101,202"``; empty means none.

    Returns:
        The ids in order, each once.

    Raises:
        ConfigError: an entry is not a positive whole number.
    """
    ids: dict[int, None] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if not entry.isascii() or not entry.isdigit() or int(entry) == 0:
            raise ConfigError(f"METRIKA_COUNTER holds {entry!r}; a counter is a positive whole number.")
        ids[int(entry)] = None
    return tuple(ids)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name) or ""
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {text!r}; use a number from {low:g} to {high:g}.")
    return value
