"""Registering routes with their policies, and finding the route of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.dependencies.utils import get_dependant, get_flat_dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from include.api.gate.openapi import answers
from include.api.gate.policies import Rules
from include.errors import ConfigError

WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Found:
    """What is at the address of a request.

    Attributes:
        route: the route, or None.
        values: what stands in the places of its path, by name.
        methods: the methods the path has.
    """

    route: APIRoute | None
    values: Mapping[str, str]
    methods: tuple[str, ...]


class Routes:
    """Routes of one app, each with its rules.

    Args:
        app: the app.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._rules: dict[str, Rules] = {}
        self._queries: dict[str, dict[str, bool]] = {}

    def add(
        self,
        method: str,
        path: str,
        endpoint: Callable[..., Any],
        rules: Rules,
        *,
        errors: Iterable[int] = (),
        **options: Any,
    ) -> None:
        """Register a route.

        Every body has an example in the OpenAPI document: give its model ``json_schema_extra={"examples": [...]}``.
        A body that the guard does not parse (``Rules.body`` is raw) is declared with ``openapi_extra={"requestBody":
        {"required": True, "content": {"application/json": {"schema": {...}, "example": {...}}}}}``, an answer
        without a model with ``responses={200: {"content": {"application/json": {"schema": ..., "example": ...}}}}``.

        Args:
            method: HTTP method.
            path: path below the prefix.
            endpoint: function that answers.
            rules: who may call it, and how.
            errors: statuses it answers beside those that every route has.
            **options: further arguments of FastAPI.
        """
        has_body = rules.body.is_raw or (method in WITH_BODY and takes_body(endpoint))
        responses = {**answers(rules, errors, has_body=has_body), **options.pop("responses", {})}
        name = f"{method} {path}"
        self._app.add_api_route(path, endpoint, methods=[method], name=name, responses=responses, **options)
        self._rules[name] = rules

    def check(self) -> None:
        """Stop the app when a route was registered past this class.

        Raises:
            ConfigError: a route has no policy.
        """
        for route in self._app.router.routes:
            if not isinstance(route, APIRoute) or route.name not in self._rules:
                path = getattr(route, "path", route)
                raise ConfigError(f"Route {path} says nowhere who may call it; register it with a policy.")

    def rules_of(self, route: APIRoute) -> Rules:
        """Give the rules of a registered route."""
        return self._rules[route.name]

    def query_of(self, route: APIRoute) -> Mapping[str, bool]:
        """Name the query parameters a route knows.

        Args:
            route: the route.

        Returns:
            Their names as callers write them, and whether each may be repeated.
        """
        if route.name not in self._queries:
            found = get_flat_dependant(route.dependant).query_params
            self._queries[route.name] = {one.alias: _is_list(one.field_info.annotation) for one in found}
        return self._queries[route.name]

    def find(self, scope: Scope) -> Found:
        """Find the route of a request.

        Args:
            scope: ASGI scope.

        Returns:
            What was found.
        """
        found: APIRoute | None = None
        values: Mapping[str, str] = {}
        methods: set[str] = set()
        for route in self._app.router.routes:
            match, child = route.matches(scope)
            if match is Match.NONE or not isinstance(route, APIRoute):
                continue
            methods |= route.methods
            if match is Match.FULL and found is None:
                found, values = route, child["path_params"]
        if "GET" in methods:
            methods.add("HEAD")
        return Found(found, values, tuple(sorted(methods)))

    def rules_by_address(self) -> dict[tuple[str, str], Rules]:
        """List the rules of all routes by method and path."""
        return {(method, path): rules for method, path, rules in self.table()}

    def table(self) -> list[tuple[str, str, Rules]]:
        """List all routes.

        Returns:
            Method, path and rules of each, in order.
        """
        return [(*name.split(" ", 1), rules) for name, rules in self._rules.items()]  # type: ignore[misc]


def takes_body(endpoint: Callable[..., Any]) -> bool:
    """Say whether an endpoint has a parameter for the body.

    Args:
        endpoint: function that answers.

    Returns:
        True when one of its parameters is a model of a body.
    """
    return bool(get_dependant(path="/", call=endpoint).body_params)


def _is_list(annotation: Any) -> bool:
    return any(get_origin(one) in LISTS for one in (annotation, *get_args(annotation)))
