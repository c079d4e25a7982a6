"""The parts of the OpenAPI document that every route shares: codes, bodies of refusals, credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from include.accounts.roles import ANYONE, ROLES
from include.api.gate.policies import Operators, Policy, Rules
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
    415: "The body is not declared as application/json, or has an encoding that is not taken here",
    422: "Well-formed but invalid; detail is a list",
    429: "Too many requests; see Retry-After",
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
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An Airflow token, an access token of an account, or an API key.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "_token",
        "description": "The browser session of an Airflow user; changes things from its own pages only.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key, `cfk_...`."},
}
RETRY_HEADER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def callers_of(policy: Policy) -> list[str]:
    """Say in words who may call a route.

    Args:
        policy: of the route.

    Returns:
        One phrase per kind of caller.

    >>> callers_of(Policy(operators=Operators.READ, roles=frozenset({"admin"})))
    ['any Airflow user', 'accounts: admin']
    """
    if policy.is_public:
        return ["everybody"]
    found = []
    if policy.operators is Operators.READ:
        found.append("any Airflow user")
    if policy.operators is Operators.WRITE:
        found.append(f"Airflow users with the edit right on DAG `{policy.anchor_dag}`")
    if policy.roles:
        named = ", ".join(role for role in ROLES if role in policy.roles)
        found.append("all accounts" if policy.roles == ANYONE else f"accounts: {named}")
    if policy.scope:
        found.append(f"keys with scope `{policy.scope}`")
    return found


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
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status in (409, 429, 503):
        described["headers"] = RETRY_HEADER
    return described


def document(app: FastAPI, rules: Mapping[tuple[str, str], Rules]) -> dict[str, Any]:
    """Build the OpenAPI document; made once.

    Args:
        app: the app.
        rules: rules of each method and path.

    Returns:
        The document.
    """
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = found.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        components["securitySchemes"] = SECURITY_SCHEMES
        for schema in components["schemas"].values():
            for example in schema.get("examples", ()):
                _put_nulls_back(components["schemas"], schema, example)
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                policy = rules[method.upper(), path].policy
                operation["security"] = _security(policy)
                operation["x-callers"] = callers_of(policy)
        app.openapi_schema = found
    return app.openapi_schema


def _put_nulls_back(schemas: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """The framework takes every null out of the document, those in examples too."""
    found = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    if isinstance(value, list):
        listed: dict[str, Any] = next((one for one in (found, *found.get("anyOf", ())) if one.get("items")), {})
        for item in value:
            _put_nulls_back(schemas, listed.get("items") or {}, item)
    if not isinstance(value, dict):
        return
    for name, field in (found.get("properties") or {}).items():
        if name in value:
            for one in (field, *field.get("anyOf", ())):
                _put_nulls_back(schemas, one, value[name])
        elif name in found.get("required", ()) and {"type": "null"} in field.get("anyOf", ()):
            value[name] = None


def _security(policy: Policy) -> list[dict[str, list[str]]]:
    """Which credentials a route takes; an empty one stands for none at all."""
    bearer: dict[str, list[str]] = {"bearer": []}
    if policy.is_public:
        return [{}, bearer] if policy.knows_callers else []
    found = [bearer]
    if policy.operators is not Operators.NONE:
        found.append({"session": []})
    if policy.scope:
        found.append({"key": []})
    return found
