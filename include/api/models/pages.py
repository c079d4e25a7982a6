"""The pages of models inside Airflow: all versions, and one card; plain HTML without any script."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.routing import Routes
from include.api.models.reading import readable_plots, require_version
from include.pages import PAGE_HEADERS
from include.registry.promotions import list_promotions
from include.registry.showing.pages import card_page, registry_page
from include.registry.versions import find_production, list_versions

HTML_TYPE = "text/html"
LIST_PATH = "/ui/models"


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    pages = Pages(context)
    rules = Rules(READ, media_type=HTML_TYPE)
    options: dict[str, Any] = {"tags": ["pages"], "response_class": HTMLResponse}
    routes.add("GET", LIST_PATH, pages.versions, rules, summary="All versions as a page", **options)
    path = f"{LIST_PATH}/{{name}}/{{version}}"
    routes.add("GET", path, pages.card, rules, errors=(404,), summary="A card as a page", **options)


class Pages:
    """Endpoints that answer with pages.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def versions(self, request: Request) -> HTMLResponse:
        """Show all versions, which of them decide, and the history."""
        state = self._context.stores.state
        page = registry_page(list_versions(state), list_promotions(state), link=_list_address(request))
        return HTMLResponse(page, headers=PAGE_HEADERS)

    def card(self, name: str, version: str, request: Request) -> HTMLResponse:
        """Show one version with its plots and scores."""
        state = self._context.stores.state
        found = require_version(state, name, version)
        page = card_page(
            found,
            readable_plots(self._context.settings, found),
            serving=find_production(state, found.name),
            back=_list_address(request),
        )
        return HTMLResponse(page, headers=PAGE_HEADERS)


def _list_address(request: Request) -> str:
    """The list's own address, wherever the app is mounted; a path alone, so that a proxy's host stays."""
    return str(request.scope.get("root_path", "")) + LIST_PATH
