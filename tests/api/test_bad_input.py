"""X4: hostile bodies against every body route; the stores behind it are real."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from include.api.gate.documents import parse_document
from include.api.gate.problems import Refusal
from tests.api.documented import body_routes, request_example, token_for
from tests.api_client import PREFIX, Api, bearer

SLOW = {"/auth/": 20, "/conversions/": 10}  # passwords are slow on purpose, conversions ask the sandbox
HOSTILE_ADDRESS = "198.51.100.7"
PARAMETER = re.compile(r"\{(\w+)\}")
# Valid JSON that this API refuses by policy: duplicate keys and U+0000.
REFUSED_BY_POLICY = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}


def parsing_files(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith("test_parsing/"):
                stream = archive.extractfile(member)
                assert stream is not None
                yield member.name.rpartition("/")[2], stream.read()


def is_refused(body: bytes) -> bool:
    try:
        parse_document(body)
    except Refusal:
        return True
    return False


@pytest.fixture
def api_environ(api_environ: dict[str, str]) -> dict[str, str]:
    """One key sends everything here, faster than it may elsewhere."""
    return {**api_environ, "EVENTS_KEY_REQUESTS_PER_SECOND": "100000", "EVENTS_KEY_EVENTS_PER_SECOND": "1000000"}


def ask_all(api: Api, method: str, path: str, bodies: list[bytes]) -> list[int]:
    """Statuses of a route for many bodies; each answer with a body is JSON."""
    app_code = api.app_code()
    address = PREFIX + PARAMETER.sub(lambda found: app_code if found[1] == "app_code" else "x", path)
    headers = {"Content-Type": "application/json", **bearer(token_for(api, method, path, app_code))}
    outer = Starlette(routes=[Mount(PREFIX, api.app)])

    async def ask() -> list[int]:
        """Ask one after the other."""
        statuses = []
        transport = httpx.ASGITransport(outer, client=(HOSTILE_ADDRESS, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.test") as client:
            for body in bodies:
                answer = await client.request(method, address, content=body, headers=headers)
                assert answer.status_code == 204 or answer.json() is not None
                statuses.append(answer.status_code)
        return statuses

    return asyncio.run(ask())


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All values of a document that hold no others, with their places."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*place, key))
    else:
        yield place, value


def planted(document: Any, place: tuple[Any, ...], text: str) -> Any:
    """A document with another text in one place."""
    found = copy.deepcopy(document)
    if not place:
        return {**found, text: text}
    inner = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = text
    return found


@pytest.mark.shared_data
class TestJsonSuite:
    def test_should_accept_what_is_valid_and_refuse_the_rest(self, shared_data: Callable[[str], Path]) -> None:
        files = dict(parsing_files(shared_data("badinput/JSONTestSuite.tar.gz")))
        refused = {name for name, body in files.items() if is_refused(body)}
        must_accept = {name for name in files if name.startswith("y_")}
        must_refuse = {name for name in files if name.startswith("n_")}
        assert (len(must_accept), len(must_refuse)) == (95, 188)
        assert refused & must_accept == REFUSED_BY_POLICY
        assert must_refuse <= refused

    @pytest.mark.parametrize(("method", "path"), body_routes())
    def test_should_refuse_what_is_not_json_on_every_route(
        self, api: Api, method: str, path: str, shared_data: Callable[[str], Path]
    ) -> None:
        files = dict(parsing_files(shared_data("badinput/JSONTestSuite.tar.gz")))
        statuses = dict(zip(files, ask_all(api, method, path, list(files.values())), strict=True))
        assert {status for name, status in statuses.items() if name.startswith("n_")} <= {400, 422}
        assert max(statuses.values()) < 500
        assert not {401, 403, 415} & set(statuses.values())


@pytest.mark.shared_data
class TestNaughtyStrings:
    @pytest.mark.parametrize(("method", "path"), body_routes())
    def test_should_have_an_answer_when_a_value_is_hostile(
        self, api: Api, method: str, path: str, shared_data: Callable[[str], Path]
    ) -> None:
        texts = json.loads(shared_data("badinput/blns.json").read_text())
        example = request_example(method, path)
        places = [place for place, value in leaves(example) if isinstance(value, str)] or [()]
        step = next((every for start, every in SLOW.items() if path.startswith(start)), 1)
        bodies = [planted(example, places[number % len(places)], text) for number, text in enumerate(texts)][::step]
        statuses = set(ask_all(api, method, path, [json.dumps(body).encode() for body in bodies]))
        assert max(statuses) < 500
        assert 415 not in statuses

    def test_should_answer_404_when_a_path_is_hostile(self, api: Api, shared_data: Callable[[str], Path]) -> None:
        from urllib.parse import quote

        statuses = set()
        for text in json.loads(shared_data("badinput/blns.json").read_text()):
            for path in ("/tasks/{}/status", "/conversions/{}/status"):
                answer = api.client.get(
                    PREFIX + path.format(quote(text, safe="")), headers={"Authorization": f"Bearer {api.token}"}
                )
                statuses.add(answer.status_code)
        assert statuses <= {404, 422}
