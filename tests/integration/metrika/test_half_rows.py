"""A field list in two requests: what one of them lacks is kept, counted and told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.errors import SourceDataError
from include.metrika.fields import resolving as fields
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.behaviour.faults import parse_faults
from include.metrika_sandbox.serving.server import run_sandbox
from include.services.engines.endpoints import Endpoints
from tests.loading import Loading, loading_from, own_stores

MORE_FIELDS = ("ym:s:startURL", "ym:s:endURL", "ym:s:referer", "ym:s:browser", "ym:s:operatingSystem")
SHORT_LIST_CHARACTERS = 150  # several requests from a list a test can print


@pytest.fixture
def halves(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loading]:
    """A Metrika that spoils rows of each request on its own, so that some keys stay in one half only."""
    monkeypatch.setattr(fields.split_fields, "__defaults__", (SHORT_LIST_CHARACTERS,))
    config = SandboxConfig(visits_per_day=300, queue_seconds=0.02, faults=parse_faults("garbage_rows=0.05"))
    with (
        run_sandbox(config) as sandbox,
        own_stores(endpoints) as environ,
        loading_from(sandbox.url, DEMO_TOKEN, environ) as loading,
    ):
        yield loading


class TestM2HalfRows:
    def test_should_keep_a_row_in_quarantine_when_the_other_half_lacks_its_key(self, halves: Loading) -> None:
        report = halves.load(visit_fields=MORE_FIELDS, quarantine_share=0.9)
        reasons = dict(halves.rows("visits_quarantine GROUP BY reason", "reason, count()"))
        assert reasons.pop("half_row") > 0
        assert sum(reasons.values()) > 0
        assert report.received == report.visits + report.hits + report.quarantined + report.duplicates

    def test_should_store_no_visit_of_which_a_half_is_missing(self, halves: Loading) -> None:
        halves.load(visit_fields=MORE_FIELDS, quarantine_share=0.9)
        assert halves.warehouse.scalar("SELECT count() FROM visits WHERE start_url = ''") == 0

    def test_should_count_halves_toward_the_threshold(self, halves: Loading) -> None:
        with pytest.raises(SourceDataError, match="cannot be read"):
            halves.load(visit_fields=MORE_FIELDS, quarantine_share=0.01)
        assert halves.staging_tables() == []
