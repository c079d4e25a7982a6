"""One installation for all tests of values, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.metric_events import LearningStores, own_learning
from tests.metric_values import Learners


@pytest.fixture(scope="package")
def stores(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as found:
        yield found


@pytest.fixture
def learners(stores: LearningStores) -> Learners:
    stores.clear()
    return Learners(stores)
