"""A day from raw logs to tracked conversions, with models in production, for the tests of passports."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sqlalchemy import Engine, text

from include.days import utc_now
from include.registry.promotions import COMMAND, promote
from include.registry.versions import ModelVersion, find_production, register
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.warehouse.client import Warehouse
from tests.command_line import CommandLine, command_line

COUNTER = 101
DAY = utc_now().date() - dt.timedelta(days=4)
FEATURES = ("slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause", "duration", "pageViews")
TRACK_SECONDS = 30.0


@dataclass
class SentDay:
    """One counter-day that was loaded, scored, uploaded and tracked."""

    commands: CommandLine
    warehouse: Warehouse
    state: Engine
    models_dir: Path

    def passport(self, *words: object) -> dict[str, Any]:
        """The passport a command prints, whatever its exit status says."""
        result = self.commands.run("conversions", "passport", *words, "--json")
        if not result.stdout:
            raise AssertionError(result.output) from result.exception
        return dict(json.loads(result.stdout))

    def differs(self, *words: object) -> dict[str, tuple[Any, Any]]:
        """Fields that differ when derived again: stored and derived value."""
        found = self.passport(*words, "--verify")
        return {one["field"]: (one["stored"], one["derived"]) for one in found["mismatches"]}

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.warehouse.execute(sql, values)

    def ledger(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.state.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    @contextlib.contextmanager
    def changed(self, sql: str, back: str, **values: Any) -> Iterator[None]:
        """Change the state behind the product's back, and change it back."""
        for statement in (sql, back):
            with self.state.begin() as connection:
                assert connection.execute(text(statement), values).rowcount > 0
            if statement == sql:
                yield

    @contextlib.contextmanager
    def mutated(self, table: str, change: str, back: str, where: str, **values: Any) -> Iterator[None]:
        """Change rows of ClickHouse behind the product's back, and change them back."""
        for assignment in (change, back):
            self.warehouse.execute(
                f"ALTER TABLE {table} UPDATE {assignment} WHERE {where}", values, settings={"mutations_sync": 2}
            )
            if assignment == change:
                yield

    def model(self, name: str = "level4_desktop") -> ModelVersion:
        found = find_production(self.state, name)
        assert found is not None
        return found

    def visit_decided(self, reason: str, place: int = 0) -> int:
        """A visit with this decision."""
        sql = "SELECT visit_id FROM visit_scores WHERE reason = %(reason)s ORDER BY visit_id LIMIT 1 OFFSET %(place)s"
        return int(self.rows(sql, reason=reason, place=place)[0][0])


def fitted(seed: int) -> HistGradientBoostingClassifier:
    """A small model that calls active visits level 4+."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(random.random((3_000, len(FEATURES))) * 60, columns=list(FEATURES))
    truth = rows["slots"] * 6 + rows["pageViews"] * 3 + random.normal(size=len(rows)) * 40 > 60
    return HistGradientBoostingClassifier(max_iter=25, random_state=seed).fit(rows, truth)


@contextlib.contextmanager
def sent_day(endpoints: Endpoints, folder: Path, **sandbox: Any) -> Iterator[SentDay]:
    """Take a day through the whole chain."""
    with command_line(endpoints, folder, **sandbox) as commands:
        settings = Settings.from_env(commands.environ)
        assert settings.database_url is not None
        state = connect_state(settings.database_url)
        migrate(state)
        for seed, (name, threshold) in enumerate((("level4_desktop", 0.48), ("level4_mobile", 0.36))):
            made = register(
                state, settings.models_dir, name=name, artefact=fitted(seed), threshold=threshold, features=FEATURES
            )
            promote(state, name, made.version, cause=COMMAND)
        for words in (("load",), ("score",), ("conversions", "upload")):
            commands.json(*words, "--date", DAY)
        deadline = time.monotonic() + TRACK_SECONDS
        while commands.json("conversions", "track")["pending"]:
            assert time.monotonic() < deadline
        yield SentDay(commands, commands.warehouse, state, settings.models_dir)
        state.dispose()
