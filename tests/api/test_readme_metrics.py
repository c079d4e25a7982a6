"""The README's lines about learning metrics, run after those about events, as they stand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.services.engines.endpoints import Endpoints
from tests.api_client import Api, InMemoryOrchestrator
from tests.loading import own_stores
from tests.readme_lines import block, run_lines, section, served

SECTION = section("Metrics in five minutes")


@pytest.fixture(scope="module")
def printed(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the lines of this section print, on a wide screen."""
    folder = tmp_path_factory.mktemp("readme")
    events, metrics = block(section("Events in five minutes"), "bash"), block(SECTION, "bash")
    with own_stores(endpoints) as stores:
        environ = {**stores, "COUNTERFLOW_LOCAL_DIR": str(folder / "local"), "COLUMNS": "200"}
        api = Api(InMemoryOrchestrator(), environ)
        with served(api) as address:
            lines = f"{{ {events}\n}} > /dev/null\n{metrics}"
            yield run_lines(lines, {**environ, "API": address}, folder)
        api.close()


def cells(text: str) -> list[list[str]]:
    """Rows of tables as people see them, without lines and blanks."""
    lines = [line.strip().replace("┃", "│") for line in text.splitlines()]
    rows = [[cell.strip() for cell in line.removeprefix("│").removesuffix("│").split("│")] for line in lines]
    return [row for row in rows if len(row) > 1]


class TestMetricsInFiveMinutes:
    def test_should_print_the_table_it_shows(self, printed: str) -> None:
        names, *shown = cells(block(SECTION, "text"))
        assert len(shown) == 6
        rows = cells(printed)
        columns = next(row for row in rows if set(names) <= set(row))
        found = [[row[columns.index(name)] for name in names] for row in rows if len(row) == len(columns)]
        assert [row for row in shown if row not in found] == []

    def test_should_end_with_the_values_it_shows(self, printed: str) -> None:
        assert printed.strip().splitlines()[-1] == block(SECTION, "csv").strip().splitlines()[-1]
