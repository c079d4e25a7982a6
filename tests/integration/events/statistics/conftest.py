"""A warehouse of its own for statistics, and a way to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.events.schemas.compiled import EventSchema
from include.events.statistics.answering import Answer, answer
from include.events.statistics.asking import Asked, ask
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.event_rows import project_rules
from tests.loading import own_stores

Asking = Callable[..., Answer]


@pytest.fixture(scope="package")
def warehouse(endpoints: Endpoints) -> Iterator[Warehouse]:
    with own_stores(endpoints) as environ:
        settings = Settings.from_env(environ).clickhouse
        assert settings is not None
        yield Warehouse(settings)


@pytest.fixture
def asking(warehouse: Warehouse) -> Asking:
    def of(schema: EventSchema, *, project: str = "shop", zone: str = "UTC", **parameters: Any) -> Answer:
        rules = project_rules(schema, project=project, zone=zone)
        return answer(warehouse, "events", ask(rules, schema, Asked(**parameters)))

    return of
