"""docs/http-api.md is held to the routes, codes and settings of the app."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from include.api.gate.openapi import callers_of
from include.api.metrics.calculating import CalculateBody
from include.api.models.shapes import PromoteBody
from include.api.tasks.shapes import BulkBody, SingleBody, TaskBody, TaskResult, TaskStatus, UploadView
from tests.api_client import Api
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "http-api.md").read_text()
ROUTE = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \| ([^|]+) \|", re.MULTILINE)
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
REQUEST = re.compile(r"-d '(\{.*?\})'", re.DOTALL)


class TestHttpApiPage:
    def test_should_list_exactly_the_routes_of_the_app(self, api: Api) -> None:
        rules = {
            (method, path, "; ".join(callers_of(one.policy))) for method, path, one in api.app.state.routes.table()
        }
        assert {(method, path, who.strip()) for method, path, who in ROUTE.findall(PAGE)} == rules

    def test_should_list_exactly_the_routes_of_the_openapi_document(self, api: Api) -> None:
        paths = api.get("/openapi.json").json()["paths"]
        documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
        assert {(method, path) for method, path, _ in ROUTE.findall(PAGE)} == documented

    def test_should_name_every_status_of_the_document(self, api: Api) -> None:
        operations = [
            operation for path in api.get("/openapi.json").json()["paths"].values() for operation in path.values()
        ]
        named = set(re.findall(r"\b[2-5]\d\d\b", PAGE))
        assert {status for operation in operations for status in operation["responses"]} <= named

    @pytest.mark.parametrize(
        ("model", "mark"),
        [(TaskStatus, '"kind"'), (TaskResult, '"pagination"'), (UploadView, '"metrika_upload_ids"')],
    )
    def test_should_show_answers_as_they_are(self, model: Any, mark: str) -> None:
        shown = next(json.loads(block) for block in BLOCK.findall(PAGE) if mark in block)
        assert set(shown) == set(model.model_fields)
        model.model_validate(shown)

    def test_should_show_requests_that_are_taken(self) -> None:
        bodies = [json.loads(text) for text in REQUEST.findall(PAGE) if "password" not in text]
        models = (CalculateBody, TaskBody, BulkBody, SingleBody, PromoteBody)
        assert len(bodies) == len(models)
        for model, body in zip(models, bodies, strict=True):
            model.model_validate(body)
