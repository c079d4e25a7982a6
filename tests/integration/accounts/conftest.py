"""A migrated PostgreSQL database for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.state.engine import connect_state, migrate
from tests.account_days import People
from tests.loading import own_stores


@pytest.fixture(scope="module")
def accounts_environ(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    """Settings that lead to stores of this module's own."""
    with own_stores(endpoints) as environ:
        yield environ


@pytest.fixture(scope="module")
def state(accounts_environ: dict[str, str]) -> Iterator[Engine]:
    """The state engine of these stores, migrated."""
    engine = connect_state(Secret(accounts_environ["DATABASE_URL"]))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def people(state: Engine) -> People:
    """The functions of accounts over these stores."""
    return People(state)
