"""Every documented field can be asked of the sandbox and lands in its column (M2, M12, M24)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.metrika.fields.registry import attributed_field
from include.metrika.fields.resolving import FIELDS, Field, Kind, find_field, resolve_fields, split_fields
from include.metrika.fields.rows import ATTRIBUTED, ATTRIBUTIONS, MARKS
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.engines.endpoints import Endpoints
from tests.loading import Loading, loading_from, own_stores

PROJECT = Path(__file__).parents[3]
VISITS = 400


def every_field(source: str) -> list[str]:
    """Names of all documented fields of a source, attribution models included."""
    names = list(FIELDS[source])
    if source == "visits":
        for prefix in ATTRIBUTIONS:
            found = [attributed_field(prefix, row[0]) for row in (*ATTRIBUTED, *MARKS)]
            names += [field.api_name for field in found if field is not None]
    return names


@pytest.fixture(scope="class")
def served() -> Iterator[SandboxHandle]:
    config = SandboxConfig(visits_per_day=VISITS, parts=2, queue_seconds=0.0)
    with run_sandbox(config, port=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="class")
def loaded(served: SandboxHandle, endpoints: Endpoints) -> Iterator[Loading]:
    with own_stores(endpoints) as environ, loading_from(served.url, DEMO_TOKEN, environ) as loading:
        loading.load(visit_fields=tuple(every_field("visits")), hit_fields=tuple(every_field("hits")))
        yield loading


def _is_set(field: Field) -> str:
    if field.kind.is_array or field.kind is Kind.STRING:
        return f"notEmpty({field.column})"
    return f"toInt64({field.column}) != 0"


def blank_columns(loading: Loading, source: str) -> list[str]:
    """Fields whose column holds nothing but its type's default in every row."""
    fields: list[Field] = [field for name in every_field(source) if (field := find_field(source, name)) is not None]
    tests = ", ".join(f"countIf({_is_set(field)})" for field in fields)
    (counts,) = loading.rows(source, tests, "tuple()")
    return [field.api_name for field, count in zip(fields, counts, strict=True) if not count]


class TestM24EveryDocumentedField:
    def test_should_need_several_requests_when_all_visit_fields_are_asked_for(self) -> None:
        assert len(split_fields(resolve_fields("visits", every_field("visits")))) > 1

    def test_should_have_loaded_every_row_and_none_spoiled(self, loaded: Loading) -> None:
        assert loaded.rows("visits", "count()", "tuple()") == [(VISITS,)]
        assert loaded.rows("visits_quarantine", "field, reason", "tuple()") == []
        assert loaded.rows("hits_quarantine", "field, reason", "tuple()") == []

    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_have_a_value_somewhere_in_every_column(self, loaded: Loading, source: str) -> None:
        assert blank_columns(loaded, source) == []

    def test_should_ask_metrika_for_each_request_of_a_long_list(self, served: SandboxHandle, loaded: Loading) -> None:
        sources = [one["rows"] for one in served.stats()["log_requests"]]
        halves = sum(len(split_fields(resolve_fields(source, every_field(source)))) for source in ("visits", "hits"))
        assert len(sources) == halves

    def test_should_agree_about_purchases_in_visits_and_hits(self, loaded: Loading) -> None:
        joined = "ARRAY JOIN purchase_ids AS one, purchase_revenues AS sum"
        of_visits = loaded.rows(f"visits {joined}", "one, sum")
        of_hits = loaded.rows(f"hits {joined} WHERE visit_id IN (SELECT visit_id FROM visits)", "one, sum")
        assert of_hits
        assert set(of_hits) <= set(of_visits)


class TestM12FieldsOfTheCommand:
    def _load(self, served: SandboxHandle, environ: dict[str, str], fields: str) -> subprocess.CompletedProcess[str]:
        own = {"METRIKA_API_URL": served.url, "METRIKA_TOKEN": DEMO_TOKEN, "METRIKA_COUNTER": "101"}
        words = (sys.executable, "-m", "include", "load", "--date", "2025-11-04", "--json", "--fields", fields)
        return subprocess.run(
            words, cwd=PROJECT, env={**os.environ, **environ, **own}, capture_output=True, text=True, timeout=120
        )

    def test_should_load_every_field_named_on_the_command_line(
        self, served: SandboxHandle, endpoints: Endpoints
    ) -> None:
        names = ",".join([*every_field("visits"), *every_field("hits")])
        with own_stores(endpoints) as environ:
            done = self._load(served, environ, names)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)
        assert (counts["visits"], counts["quarantined"]) == (VISITS, 0)
        assert counts["received"] == counts["visits"] + counts["hits"]

    @pytest.mark.parametrize("name", ["ym:s:visitLength", "visitDuration"])
    def test_should_name_the_field_it_does_not_know(
        self, served: SandboxHandle, endpoints: Endpoints, name: str
    ) -> None:
        with own_stores(endpoints) as environ:
            done = self._load(served, environ, name)
        assert done.returncode != 0
        assert repr(name) in done.stderr
        assert "Traceback" not in done.stderr
