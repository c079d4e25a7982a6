"""One app over stores of its own; every test has its own app or project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from tests.api_client import Api, InMemoryOrchestrator
from tests.loading import own_stores


@dataclass
class Shop:
    """An app with a key that may send events."""

    api: Api
    app_code: str
    key: str

    def send(self, events: Any, *, path: str = "/api/v1/events", **how: Any) -> Any:
        return self.api.post(path, token=how.pop("token", self.key), json=events, **how)

    def device(self, message: Any, **how: Any) -> Any:
        return self.send(message, path=f"/apps/{self.app_code}", **how)

    def stored(self) -> int:
        """Events of this app that are stored."""
        query = text(
            "SELECT coalesce(sum(accepted_count), 0) FROM receipts JOIN projects USING (project_number) "
            "WHERE project = :project"
        )
        with self.state.connect() as connection:
            return int(connection.execute(query, {"project": self.app_code}).scalar_one())

    @property
    def state(self) -> Engine:
        return self.api.context.stores.state


@dataclass
class World:
    """Stores, and apps over them."""

    environ: dict[str, str]
    apis: list[Api] = field(default_factory=list)

    def api(self, **changes: str) -> Api:
        found = Api(InMemoryOrchestrator(), {**self.environ, **changes})
        self.apis.append(found)
        return found

    def close(self) -> None:
        for api in self.apis:
            api.close()
        self.apis.clear()


@pytest.fixture(scope="session")
def intake_environ(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as environ:
        url = Settings.from_env(environ).database_url
        assert url is not None
        state = connect_state(url)
        migrate(state)
        state.dispose()
        yield {**environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path_factory.mktemp("local"))}


@pytest.fixture
def world(intake_environ: dict[str, str]) -> Iterator[World]:
    found = World(intake_environ)
    yield found
    found.close()


@pytest.fixture
def api(world: World) -> Api:
    return world.api()


@pytest.fixture
def shop(api: Api) -> Shop:
    return shop_of(api)


def shop_of(api: Api, **changes: Any) -> Shop:
    app_code = api.app_code(**changes)
    return Shop(api, app_code, api.key(app_code, "ingest"))


def event(**changes: Any) -> dict[str, Any]:
    """A learning event nobody has sent before."""
    made = {
        "id": str(uuid4()),
        "user_id": "u-1",
        "course_id": "c-1",
        "event_type": "task_start",
        "timestamp": "2026-11-20T10:00:00Z",
        "payload": {"task_id": "t1"},
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not ...}


@contextmanager
def broken(state: Engine, sql: str, undo: str) -> Iterator[None]:
    """Something is wrong in PostgreSQL."""
    with state.begin() as connection:
        connection.execute(text(sql))
    try:
        yield
    finally:
        with state.begin() as connection:
            connection.execute(text(undo))
