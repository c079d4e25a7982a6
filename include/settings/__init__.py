"""Settings: environment -> frozen dataclasses, read once inside a job and passed down.

Names are those of the seed documents where they have one. Airflow connections win over the
environment: the wiring turns them into the same names before :func:`Settings.from_env`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from include.secret import Secret
from include.settings.accounts import AccountSettings, accounts_from
from include.settings.intake import IntakeSettings, KafkaSettings, intake_from
from include.settings.learning import LearningSettings, learning_from
from include.settings.metrika import (
    METRIKA_API_URL,
    ConversionSettings,
    DriftSettings,
    MetrikaSettings,
    conversions_from,
    drift_from,
    metrika_from,
    parse_counters,
)
from include.settings.stores import ClickHouseSettings, clickhouse_from, with_driver

__all__ = [
    "METRIKA_API_URL",
    "AccountSettings",
    "ClickHouseSettings",
    "ConversionSettings",
    "DriftSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LearningSettings",
    "MetrikaSettings",
    "Settings",
    "parse_counters",
    "with_driver",
]


@dataclass(frozen=True)
class Settings:
    """All settings of one process; safe to log.

    Attributes:
        metrika: Metrika side.
        conversions: conversions side.
        drift: what is done about an unusual day.
        accounts: how people sign in.
        intake: how events are taken in.
        learning: how learning metrics are calculated.
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
    accounts: AccountSettings = field(default_factory=AccountSettings)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
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
            metrika=metrika_from(env),
            conversions=conversions_from(env),
            drift=drift_from(env),
            accounts=accounts_from(env),
            intake=intake_from(env),
            learning=learning_from(env),
            database_url=Secret(with_driver(database_url)) if database_url else None,
            clickhouse=clickhouse_from(env),
            local_dir=Path(env.get("COUNTERFLOW_LOCAL_DIR") or ".local").absolute(),
            public_url=(env.get("COUNTERFLOW_PUBLIC_URL") or "").rstrip("/"),
        )
