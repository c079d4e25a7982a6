"""Connecting to PostgreSQL and bringing its schema up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from include.errors import ConfigError, StoreUnavailable
from include.secret import Secret
from include.settings import with_driver

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "counterflow_version"  # never Airflow's alembic_version
MIGRATION_LOCK = 0x636F756E746572  # advisory lock key, "counter"
CONNECT_SECONDS = 5


def connect_state(url: Secret) -> Engine:
    """Make the engine of the state database; connects on first use.

    Args:
        url: PostgreSQL URL; a bare ``postgresql://`` gets the psycopg2 driver.

    Returns:
        An engine that checks pooled connections before use and speaks UTC.

    Raises:
        ConfigError: the URL is not a PostgreSQL URL.
    """
    return create_engine(
        with_driver(url.value),
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=10,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": "-c timezone=UTC"},
    )


@contextmanager
def reachable(engine: Engine) -> Iterator[None]:
    """Turn connection trouble inside the block into one clear error.

    Args:
        engine: the state engine, for the address in the message.

    Yields:
        Nothing.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached or went away.
        ConfigError: it refused the login.
    """
    try:
        yield
    except OperationalError as error:
        raise _unreachable(engine, str(error.orig)) from None
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _unreachable(engine, str(error.orig)) from None


def _unreachable(engine: Engine, cause: str) -> StoreUnavailable | ConfigError:
    url = engine.url
    if "password authentication failed" in cause or "no password supplied" in cause:
        return ConfigError(
            f"PostgreSQL at {url.host}:{url.port} refused the login of {url.username!r}; correct DATABASE_URL."
        )
    return StoreUnavailable(
        f"PostgreSQL does not answer at {url.host}:{url.port}/{url.database}; start it with "
        "'python -m include services up', or correct DATABASE_URL."
    )


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; safe when two processes start at once.

    Args:
        engine: the state engine.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    newest = newest_version()
    with reachable(engine), engine.connect() as connection:
        if current_version(connection) == newest:
            return
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            _upgrade(connection)
            connection.commit()
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def current_version(connection: Connection) -> str | None:
    """The schema version a database is at.

    Args:
        connection: open connection.

    Returns:
        The revision, or None in an empty database.
    """
    exists = connection.execute(text("SELECT to_regclass(:name)"), {"name": VERSION_TABLE}).scalar()
    if exists is None:
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def newest_version() -> str:
    """The schema version this code wants: the highest number among the migrations."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # only who migrates pays for its import
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
