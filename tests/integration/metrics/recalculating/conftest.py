"""Stores with recalculations for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.metric_runs import MetricRuns, own_runs


@pytest.fixture(scope="module")
def own(endpoints: Endpoints) -> Iterator[MetricRuns]:
    with own_runs(endpoints) as found:
        yield found


@pytest.fixture
def runs(own: MetricRuns) -> MetricRuns:
    """Without courses, events and metrics."""
    own.stores.clear()
    return own
