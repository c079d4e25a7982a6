"""A migrated PostgreSQL database for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.state.engine import connect_state, migrate
from tests.loading import own_stores


@pytest.fixture(scope="module")
def empty_url(endpoints: Endpoints) -> Iterator[str]:
    """A database of its own without any table."""
    with own_stores(endpoints) as stores:
        yield stores["DATABASE_URL"]


@pytest.fixture(scope="module")
def state(empty_url: str) -> Iterator[Engine]:
    """The same database, migrated."""
    engine = connect_state(Secret(empty_url))
    migrate(engine)
    yield engine
    engine.dispose()
