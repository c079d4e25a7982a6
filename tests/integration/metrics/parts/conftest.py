"""Stores of their own for the tests of parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.metric_events import LearningStores, own_learning


@pytest.fixture(scope="module")
def stores_of_module(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


@pytest.fixture
def stores(stores_of_module: LearningStores) -> LearningStores:
    """Empty stores."""
    stores_of_module.clear()
    return stores_of_module
