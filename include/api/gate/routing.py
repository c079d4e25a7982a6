"""Registering routes with their policies, and finding the route of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from include.api.gate.openapi import answers
from include.api.gate.policies import Rules
from include.errors import ConfigError

LISTS = (list, tuple, set, frozenset)


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

        Args:
            method: HTTP method.
            path: path below the prefix.
            endpoint: function that answers.
            rules: who may call it, and how.
            errors: statuses it answers beside those that every route has.
            **options: further arguments of FastAPI.
        """
        has_body = method in ("POST", "PUT", "PATCH")
        responses = {**answers(rules, errors, has_body=has_body), **options.pop("responses", {})}
        self._app.add_api_route(
            path, endpoint, methods=[method], name=f"{method} {path}", responses=responses, **options
        )
        self._rules[f"{method} {path}"] = rules

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

    def find(self, scope: Scope) -> tuple[APIRoute | None, list[str]]:
        """Find the route of a request.

        Args:
            scope: ASGI scope.

        Returns:
            The route, or None; and the methods the path has.
        """
        found: APIRoute | None = None
        methods: set[str] = set()
        for route in self._app.router.routes:
            match, _ = route.matches(scope)
            if match is Match.NONE or not isinstance(route, APIRoute):
                continue
            methods |= route.methods
            if match is Match.FULL and found is None:
                found = route
        if "GET" in methods:
            methods.add("HEAD")
        return found, sorted(methods)

    def table(self) -> list[tuple[str, str, Rules]]:
        """List all routes.

        Returns:
            Method, path and rules of each, in order.
        """
        return [(*name.split(" ", 1), rules) for name, rules in self._rules.items()]  # type: ignore[misc]


def _is_list(annotation: Any) -> bool:
    return any(get_origin(one) in LISTS for one in (annotation, *get_args(annotation)))
