"""The parts of the OpenAPI document that every route shares: codes, bodies of refusals, credentials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from include.api.gate.policies import Rules
from include.api.gate.problems import PROBLEM_TYPE

SUMMARIES = {
    202: "Accepted, or not finished yet",
    400: "The body is not JSON, or a required parameter is missing from body and environment",
    401: "No, expired, revoked or wrong credential",
    403: "A known caller without the right",
    404: "No such object",
    405: "The address has no such method",
    406: "The caller wants another type of answer",
    409: "The request contradicts the state of things",
    413: "The body is too large",
    415: "The body is not declared as application/json",
    422: "Well-formed but invalid; detail is a list",
    500: "A defect",
    503: "Something this needs is unavailable; see Retry-After",
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:counterflow:task_unknown"]},
        "title": {"type": "string", "examples": ["Unknown task"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {
            "anyOf": [
                {"type": "string", "examples": ["Task not found"]},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg", "type"],
                        "properties": {
                            "loc": {
                                "type": "array",
                                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                            },
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                        },
                    },
                },
            ]
        },
        "instance": {"type": "string", "examples": ["/counterflow/tasks/unknown/status"]},
        "code": {"type": "string", "examples": ["task_unknown"]},
        "request_id": {"type": "string"},
        "error": {"type": "string", "description": "Request id; with status 500."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
REFERENCE = {"$ref": "#/components/schemas/Problem"}
ALWAYS = (405, 406, 422, 500, 503)
KNOWN_CALLER = (401, 403)
WITH_BODY = (400, 413, 415)
RETRY_HEADER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def answers(rules: Rules, errors: Iterable[int], *, has_body: bool) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route.

    Args:
        rules: who may call it.
        errors: statuses of its own.
        has_body: it takes a JSON body.

    Returns:
        Descriptions by status, for FastAPI.
    """
    caller = () if rules.policy.is_public else KNOWN_CALLER
    idempotent = (409,) if rules.is_idempotent else ()
    statuses = {*ALWAYS, *caller, *idempotent, *(WITH_BODY if has_body else ()), *errors}
    return {status: _refusal(status) for status in sorted(statuses)}


def _refusal(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": SUMMARIES[status],
        "content": {PROBLEM_TYPE: {"schema": REFERENCE}},
    }
    if status in (409, 503):
        described["headers"] = RETRY_HEADER
    return described


def document(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document; made once.

    Args:
        app: the app.

    Returns:
        The document.
    """
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = found.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "session": {"type": "apiKey", "in": "cookie", "name": "_token"},
        }
        for path in found["paths"].values():
            for operation in path.values():
                operation["security"] = [{"bearer": []}, {"session": []}] if "401" in operation["responses"] else []
        app.openapi_schema = found
    return app.openapi_schema
