"""One day taken through the whole chain, shared by tests that put back what they change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.passport_days import SentDay, sent_day


@pytest.fixture(scope="package")
def day(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentDay]:
    with sent_day(endpoints, tmp_path_factory.mktemp("passport"), visits_per_day=4_000) as found:
        yield found
