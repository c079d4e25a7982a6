"""Opening both stores from the settings: by address, or the engines of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from include.errors import ConfigError
from include.services.stack import endpoints_of
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.warehouse.client import Warehouse


@dataclass(frozen=True)
class Stores:
    """Both stores, ready to use.

    Attributes:
        warehouse: ClickHouse.
        state: PostgreSQL, at the newest schema version.
    """

    warehouse: Warehouse
    state: Engine


def complete_environ(environ: Mapping[str, str], local_dir: Path) -> dict[str, str]:
    """Add the addresses of this machine's engines where the environment names none.

    Args:
        environ: settings by name.
        local_dir: folder of this machine's services.

    Returns:
        The environment with ``DATABASE_URL`` and the ``CLICKHOUSE_*`` names filled in when engines run.
    """
    endpoints = endpoints_of(local_dir)
    found = endpoints.environment() if endpoints else {}
    stores = {
        "DATABASE_URL": ("DATABASE_URL",),
        "CLICKHOUSE_URL": tuple(n for n in found if n.startswith("CLICKHOUSE_")),
    }
    missing = [name for url, names in stores.items() if not environ.get(url) for name in names]
    return {**environ, **{name: found[name] for name in missing if name in found}}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings, engines of this machine included.

    Args:
        environ: settings by name.

    Returns:
        The settings.

    Raises:
        ConfigError: a setting cannot be read.
    """
    settings = Settings.from_env(environ)
    completed = Settings.from_env(complete_environ(environ, settings.local_dir))
    return replace(completed, local_dir=settings.local_dir)


def open_stores(settings: Settings) -> Stores:
    """Connect to both stores and bring the state schema up to date.

    Args:
        settings: settings with both addresses.

    Returns:
        The stores.

    Raises:
        ConfigError: an address is missing because no engine runs here.
        StoreUnavailable: PostgreSQL does not answer.
    """
    if settings.database_url is None or settings.clickhouse is None:
        raise ConfigError(
            "No engines are running here; start them with 'python -m include services up', or set DATABASE_URL "
            "and CLICKHOUSE_URL."
        )
    state = connect_state(settings.database_url)
    migrate(state)
    return Stores(Warehouse(settings.clickhouse), state)
