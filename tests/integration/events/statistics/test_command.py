"""``events statistics`` in a terminal, as JSON and as CSV, with hostile names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.events.apps.projects import create_app
from include.events.schemas.definitions import EventDefinition
from include.events.schemas.registering import register_events
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.warehouse.client import Warehouse
from tests.event_rows import Stored, store
from tests.loading import own_stores

HOSTILE = ("[red]x[/red]", "[/]", "\x1b[31mred\x07", "a,b", "имя")
ATTRIBUTES = ({"name": "product_name", "type": "string"}, {"name": "quantity", "type": "integer"})


@pytest.fixture(scope="module")
def environ(endpoints: Endpoints) -> Iterator[dict[str, str]]:
    with own_stores(endpoints) as found:
        yield found


@pytest.fixture(scope="module")
def app_code(environ: dict[str, str]) -> Iterator[str]:
    settings = Settings.from_env(environ)
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    state = connect_state(settings.database_url)
    migrate(state)
    found = _make_app(state)
    events = [Stored({"product_name": name, "quantity": 2**60}, name, found) for name in HOSTILE]
    store(Warehouse(settings.clickhouse), [*events, Stored({"quantity": "bad"}, "u", found)])
    yield found
    state.dispose()


def _make_app(state: Engine) -> str:
    made, _, _ = create_app(state, app_name="shop", owner="command")
    definition = EventDefinition(name="Bought", attrs=list(ATTRIBUTES))
    register_events(state, made.app_code, [definition], created_by="command")
    return made.app_code


def run(environ: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(app, ["events", "statistics", *words], env={**environ, "COLUMNS": "200"})


class TestStatisticsCommand:
    def test_should_print_a_table_without_any_sign_of_its_own_meaning(
        self, environ: dict[str, str], app_code: str
    ) -> None:
        printed = run(environ, app_code, "bought").stdout
        assert "[red]x[/red]" in printed
        assert "\\x1b[31mred\\x07" in printed
        assert "\x1b[31m" not in printed
        assert "5 of 5 people" in printed
        assert "1 events left out" in printed

    def test_should_print_exact_json_when_asked(self, environ: dict[str, str], app_code: str) -> None:
        found: dict[str, Any] = json.loads(run(environ, app_code, "Bought!", "--limit", "1", "--json").stdout)
        assert (found["event_name"], found["agg"], found["total"], found["has_more"]) == ("bought", "sum", 5, True)
        assert found["rows"][0]["user_code"] == min(HOSTILE)
        assert found["rows"][0][min(HOSTILE)] == 2**60

    def test_should_print_csv_that_reads_back_when_asked(self, environ: dict[str, str], app_code: str) -> None:
        rows = list(csv.DictReader(io.StringIO(run(environ, app_code, "bought", "--csv").stdout)))
        assert [row["user_code"] for row in rows] == sorted(HOSTILE)
        assert all(row[row["user_code"]] == str(2**60) for row in rows)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("absent", "bought"), "no app"),
            (("APP", "sold"), "bought"),
            (("APP", "bought", "--filter", "colour:eq:red"), "no attribute"),
            (("APP", "bought", "--top-k", "0"), "1 to 200"),
        ],
    )
    def test_should_end_with_a_sentence_when_something_is_wrong(
        self, environ: dict[str, str], app_code: str, words: tuple[str, ...], said: str
    ) -> None:
        found = run(environ, *(app_code if word == "APP" else word for word in words))
        assert found.exit_code == 2
        assert said in found.output
        assert "Traceback" not in found.output
