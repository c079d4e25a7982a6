"""One app for all tests of this folder: nothing here depends on what the orchestrator has seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from tests.api_client import Api, InMemoryOrchestrator
from tests.loading import own_stores


@pytest.fixture(scope="session")
def shared_apps_api(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with own_stores(endpoints) as environ:
        url = Settings.from_env(environ).database_url
        assert url is not None
        state = connect_state(url)
        migrate(state)
        state.dispose()
        found = Api(InMemoryOrchestrator(), {**environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path_factory.mktemp("local"))})
        yield found
        found.close()


@pytest.fixture
def api(shared_apps_api: Api) -> Api:
    return shared_apps_api
