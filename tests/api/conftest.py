"""The API over the real stores of the session and a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN
from include.metrika_sandbox.serving.server import SandboxHandle
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from tests.api_client import Api, InMemoryOrchestrator
from tests.conversion_days import (
    ScoredDay,
    engine_settings,
    scored,
    shared_api,
    shared_sandbox,
    state,
    warehouse,
)
from tests.loading import own_stores

__all__ = ["engine_settings", "scored", "shared_api", "shared_sandbox", "state", "warehouse"]


@pytest.fixture(scope="session")
def engine_environ(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as environ:
        yield environ


@pytest.fixture(scope="session")
def engine_settings(engine_environ: dict[str, str]) -> Settings:  # noqa: F811 - the same stores, environment kept
    return Settings.from_env(engine_environ)


@pytest.fixture
def orchestrator() -> InMemoryOrchestrator:
    return InMemoryOrchestrator()


@pytest.fixture
def api_environ(engine_environ: dict[str, str], shared_sandbox: SandboxHandle, tmp_path: Path) -> dict[str, str]:
    return {
        **engine_environ,
        "METRIKA_TOKEN": DEMO_TOKEN,
        "METRIKA_API_URL": shared_sandbox.url,
        "METRIKA_COUNTER": "301",
        "COUNTERFLOW_LOCAL_DIR": str(tmp_path / "local"),
    }


@pytest.fixture
def api(orchestrator: InMemoryOrchestrator, api_environ: dict[str, str], state: Engine) -> Iterator[Api]:
    found = Api(orchestrator, api_environ)
    yield found
    found.close()


@pytest.fixture
def day_task(api: Api, scored: ScoredDay) -> str:
    """A finished visits task over a scored day."""
    body = {"date": scored.day.isoformat(), "counter": scored.counter_id}
    task_id: str = api.post("/tasks", json=body).json()["task_id"]
    api.orchestrator.finish_visits(task_id)
    return task_id
