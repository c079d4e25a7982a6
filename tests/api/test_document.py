"""The OpenAPI document: every route with its codes, credentials and examples; and the page made of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest

from include.api.gate.problems import TITLES
from include.api.gate.refusals import STATUSES
from tests.api.callers_table import TABLE
from tests.api.documented import JSON, examples_in, operations, request_example, written_document
from tests.api_client import EDITOR, Api

VOID = {"meta", "br", "img", "link", "input", "hr"}


def json_answers() -> list[tuple[str, str, str]]:
    """Method, path and status of good answers that are JSON."""
    return [
        (method, path, status)
        for (method, path), operation in operations().items()
        for status, answer in operation["responses"].items()
        if status.startswith("2") and JSON in (answer.get("content") or {})
    ]


def body_routes() -> list[tuple[str, str]]:
    return [address for address, operation in operations().items() if "requestBody" in operation]


def check(schema: dict[str, Any], value: Any) -> None:
    """Hold a value to a schema of the document."""
    jsonschema.Draft202012Validator({**schema, "components": written_document()["components"]}).validate(value)


class TestDocument:
    @pytest.mark.parametrize(("method", "path"), body_routes())
    def test_should_show_a_body_that_fits_its_schema(self, method: str, path: str) -> None:
        content = operations()[method, path]["requestBody"]["content"]
        examples = examples_in(content)
        assert examples
        for example in examples:
            check(content[JSON]["schema"], example)

    @pytest.mark.parametrize(("method", "path", "status"), json_answers())
    def test_should_show_an_answer_that_fits_its_schema(self, method: str, path: str, status: str) -> None:
        if path == "/openapi.json":
            return  # its answer is this document
        content = operations()[method, path]["responses"][status]["content"]
        examples = examples_in(content)
        assert examples
        for example in examples:
            check(content[JSON]["schema"], example)

    @pytest.mark.parametrize(("method", "path"), list(operations()))
    def test_should_list_every_code_that_the_door_can_answer(self, method: str, path: str) -> None:
        """H8."""
        operation, marks = operations()[method, path], TABLE[method, path].split()
        codes = {"405", "406", "422", "500", "503"}
        codes |= set() if "pub" in marks else {"401", "403"}
        codes |= {"400", "413", "415"} if "requestBody" in operation else set()
        assert codes <= set(operation["responses"])
        for status in ("429", "503"):
            assert status not in operation["responses"] or "Retry-After" in operation["responses"][status]["headers"]

    @pytest.mark.parametrize(("method", "path"), list(operations()))
    def test_should_say_which_credentials_a_route_takes(self, method: str, path: str) -> None:
        marks, ways = TABLE[method, path].split(), operations()[method, path]["security"]
        names = [next(iter(way), "none") for way in ways]
        assert ("key" in names) is any(mark.startswith("K:") for mark in marks)
        if "pub" in marks:
            assert names in ([], ["none", "bearer"])
        else:
            assert names[0] == "bearer"

    def test_should_give_every_route_a_topic_and_a_sentence(self) -> None:
        found = operations()
        assert [address for address, one in found.items() if not one.get("tags") or not one.get("summary")] == []
        assert [address for address, one in found.items() if not one.get("description")] == []

    @pytest.mark.parametrize(
        ("method", "path", "codes"),
        [
            ("POST", "/auth/register", {"201", "403", "409"}),
            ("POST", "/auth/login", {"200", "401", "429"}),
            ("POST", "/auth/refresh", {"200", "401"}),
            ("PUT", "/auth/users/{user_id}/role", {"200", "404", "409"}),
            ("POST", "/app/create", {"200", "400", "401", "403"}),
            ("POST", "/app/create_event/{app_code}", {"200", "404", "409"}),
            ("PATCH", "/apps/{app_code}", {"200", "404"}),
            ("POST", "/apps/{app_code}", {"200", "403", "413", "429", "503"}),
            ("POST", "/apps/{app_code}/batch", {"202", "400", "413", "429", "503"}),
            ("GET", "/apps/{app_code}/{event_code}", {"200", "404", "503"}),
            ("POST", "/apps/{app_code}/keys", {"201", "404", "409"}),
            ("DELETE", "/apps/{app_code}/keys/{key_id}", {"204", "404"}),
            ("POST", "/api/v1/events", {"202", "400", "413", "429", "503"}),
            ("GET", "/receipts/{receipt_id}", {"200", "404"}),
            ("GET", "/quarantine", {"200", "404"}),
            ("POST", "/quarantine/replay", {"200", "404"}),
            ("POST", "/api/activities", {"201", "429", "503"}),
            ("GET", "/api/v1/courses/{course_id}", {"200", "403", "404"}),
        ],
    )
    def test_should_list_the_codes_of_the_contract(self, method: str, path: str, codes: set[str]) -> None:
        """H8."""
        assert codes <= set(operations()[method, path]["responses"])


class TestTitles:
    def test_should_have_a_title_for_every_code_that_is_no_422(self) -> None:
        assert set(STATUSES) <= set(TITLES)


class Outline(HTMLParser):
    """Which elements a page has, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.odd: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.odd += [name for name in given if name.startswith("on") or name in ("src", "action")]
        self.ids += [str(given["id"])] if "id" in given else []
        self.links += [str(given["href"])] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "link", "iframe", "form"):
            self.odd.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class TestPage:
    def test_should_show_every_route_without_anything_from_elsewhere(self, api: Api) -> None:
        answer = api.get("/docs", token=EDITOR)
        outline = Outline()
        outline.feed(answer.text)
        assert (outline.open, outline.odd) == ([], [])
        assert len(set(outline.ids)) == len(outline.ids) == len(operations())
        assert {link.removeprefix("#") for link in outline.links} == {*outline.ids, "openapi.json"}
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(?:src|href)=['\"]?https?:", answer.text)

    def test_should_show_who_may_call_and_how(self, api: Api) -> None:
        page = api.get("/docs", token=EDITOR).text
        assert page.count("From the shell") == len(operations())
        assert "keys with scope <code>ingest</code>" in page
        assert "curl -s -X POST &quot;$API/app/create&quot; -H &quot;$AUTH&quot;" in page
        assert request_example("POST", "/auth/login")["email"] in page
