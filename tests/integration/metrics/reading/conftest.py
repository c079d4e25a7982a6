"""Empty stores for the tests of this folder, and somebody who reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.metric_reader import Reader
from tests.metric_runs import MetricRuns, own_runs


@pytest.fixture(scope="package")
def own(endpoints: Endpoints) -> Iterator[MetricRuns]:
    with own_runs(endpoints) as found:
        yield found


@pytest.fixture
def reader(own: MetricRuns) -> Reader:
    """Without courses, events and metrics."""
    own.stores.clear()
    return Reader(own)
