"""X4: hostile bodies against every body route; the stores behind it are real."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from include.api.gate.documents import parse_document
from include.api.gate.problems import Refusal
from tests.api_client import PREFIX, Api

BODY_ROUTES = ("/tasks", "/conversions/bulk", "/conversions/single")
# Valid JSON that this API refuses by policy: duplicate keys and U+0000.
REFUSED_BY_POLICY = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}
FIELDS = ("date", "connection_id", "task_id", "target", "dag_id", "client_id", "user_id", "date_time", "currency")


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

    @pytest.mark.parametrize("path", BODY_ROUTES)
    def test_should_answer_a_problem_when_the_body_is_hostile(
        self, api: Api, path: str, shared_data: Callable[[str], Path]
    ) -> None:
        headers = {"Content-Type": "application/json"}
        files = list(parsing_files(shared_data("badinput/JSONTestSuite.tar.gz")))
        answers = [api.post(path, content=body, headers=headers) for _, body in files]
        assert {answer.status_code for answer in answers} == {400, 422}
        assert {answer.json()["status"] for answer in answers} == {400, 422}


@pytest.mark.shared_data
class TestNaughtyStrings:
    @pytest.mark.parametrize("path", BODY_ROUTES)
    def test_should_refuse_with_a_reason_when_a_value_is_hostile(
        self, api: Api, path: str, shared_data: Callable[[str], Path]
    ) -> None:
        base: dict[str, Any] = {
            "/tasks": {"date": "2025-07-01"},
            "/conversions/bulk": {"task_id": "x"},
            "/conversions/single": {"target": "t", "date_time": "2025-07-01 12:00:00", "client_id": "1"},
        }[path]
        statuses = set()
        for number, text in enumerate(json.loads(shared_data("badinput/blns.json").read_text())):
            field = FIELDS[number % len(FIELDS)]
            answer = api.post(path, json={**base, field: text})
            assert isinstance(answer.json(), dict)
            statuses.add(answer.status_code)
        assert statuses <= {200, 202, 400, 404, 422}

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
