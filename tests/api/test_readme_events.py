"""The README's lines about events, run as they stand against the app on a socket and the real engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from include.services.engines.endpoints import Endpoints
from tests.api_client import Api, InMemoryOrchestrator
from tests.loading import own_stores
from tests.readme_lines import block, run_lines, section, served

SECTION = section("Events in five minutes")


@pytest.fixture(scope="module")
def printed(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the lines print, the first answer of a new installation to the last."""
    folder = tmp_path_factory.mktemp("readme")
    with own_stores(endpoints) as stores:
        environ = {**stores, "COUNTERFLOW_LOCAL_DIR": str(folder / "local")}
        api = Api(InMemoryOrchestrator(), environ)
        with served(api) as address:
            yield run_lines(block(SECTION, "bash"), {**environ, "API": address}, folder)
        api.close()


class TestEventsInFiveMinutes:
    def test_should_end_with_the_statistics_it_shows(self, printed: str) -> None:
        found = printed.strip().splitlines()[-1]
        assert found == block(SECTION, "json").strip()

    def test_should_show_a_verdict_for_every_event(self, printed: str) -> None:
        answer: dict[str, Any]
        answer, _ = json.JSONDecoder().raw_decode(printed)
        rejected = answer["verdicts"][3]
        assert (answer["accepted"], answer["rejected"]) == (3, 1)
        assert f"`{rejected['code']}` at `{rejected['pointer']}`" in " ".join(SECTION.split())
