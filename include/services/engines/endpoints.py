"""Addresses of the engines in use, in the names that every other part of the product reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from include.secret import Secret


@dataclass(frozen=True)
class Endpoints:
    """Where the engines are and how to log in; safe to log.

    Attributes:
        database_url: PostgreSQL of the product, with its login.
        airflow_database_url: PostgreSQL of Airflow's metadata, with its login.
        clickhouse_url: ClickHouse, without a login.
        clickhouse_user: its user.
        clickhouse_password: the user's password.
        clickhouse_database: the product's database.
    """

    database_url: str = field(repr=False)
    airflow_database_url: str = field(repr=False)
    clickhouse_url: str = field(repr=False)
    clickhouse_user: str
    clickhouse_password: Secret
    clickhouse_database: str

    def environment(self) -> dict[str, str]:
        """Give the settings with which any client reaches these engines.

        Returns:
            Names and values as :class:`include.settings.Settings` reads them, secrets included.
        """
        return {
            "DATABASE_URL": self.database_url,
            "CLICKHOUSE_URL": self.clickhouse_url,
            "CLICKHOUSE_USER": self.clickhouse_user,
            "CLICKHOUSE_PASSWORD": self.clickhouse_password.value,
            "CLICKHOUSE_DATABASE": self.clickhouse_database,
        }

    def to_record(self) -> dict[str, str]:
        """Give the endpoints as JSON values, secrets included: for private files only."""
        return {**self.environment(), "AIRFLOW_DATABASE_URL": self.airflow_database_url}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Endpoints:
        """Read endpoints back from a private file.

        Args:
            record: what :meth:`to_record` made.

        Returns:
            The endpoints.
        """
        return cls(
            database_url=record["DATABASE_URL"],
            airflow_database_url=record["AIRFLOW_DATABASE_URL"],
            clickhouse_url=record["CLICKHOUSE_URL"],
            clickhouse_user=record["CLICKHOUSE_USER"],
            clickhouse_password=Secret(record["CLICKHOUSE_PASSWORD"]),
            clickhouse_database=record["CLICKHOUSE_DATABASE"],
        )
