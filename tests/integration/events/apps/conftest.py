"""A migrated state database of this folder's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.state.engine import connect_state, migrate
from tests.loading import own_stores


@pytest.fixture(scope="module")
def environ(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as found:
        yield found


@pytest.fixture(scope="module")
def state(environ: dict[str, str]) -> Iterator[Engine]:
    engine = connect_state(Secret(environ["DATABASE_URL"]))
    migrate(engine)
    yield engine
    engine.dispose()
