"""The routes as the OpenAPI document lists them, and what is needed to get past their door."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from include.accounts.scopes import SCOPES
from include.api.app import create_app
from include.api.docs.samples import NOTHING, example_of
from include.api.gate.openapi import document
from tests.api.callers_table import TABLE
from tests.api_client import EDITOR, Api, InMemoryOrchestrator

JSON = "application/json"


@cache
def written_document() -> dict[str, Any]:
    """The document as the app makes it; needs no stores."""
    app = create_app(InMemoryOrchestrator(), {})
    found: dict[str, Any] = json.loads(json.dumps(document(app, app.state.routes.rules_by_address())))
    return found


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """All operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, found in written_document()["paths"].items()
        for method, operation in found.items()
    }


def body_routes() -> list[tuple[str, str]]:
    """Routes that take a body."""
    return [address for address, operation in operations().items() if "requestBody" in operation]


def examples_in(content: dict[str, Any]) -> list[Any]:
    """The example of a JSON content, as the page shows it; empty when there is none."""
    found = example_of(written_document(), content)
    return [] if found is NOTHING else [found]


def request_example(method: str, path: str) -> Any:
    """A body as the document shows it."""
    return examples_in(operations()[method, path]["requestBody"]["content"])[0]


def token_for(api: Api, method: str, path: str, app_code: str) -> str:
    """A credential with which a route goes on."""
    marks = TABLE[method, path].split()
    if "pub" in marks or "R" in marks or any(mark.startswith("W:") for mark in marks):
        return EDITOR
    return api.key(app_code, *SCOPES) if any(mark.startswith("K:") for mark in marks) else api.person().token
