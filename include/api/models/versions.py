"""Routes of models: versions, cards, plots, history, promoting and rolling back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response

from include.api.context import ApiContext
from include.api.gate.policies import MODELS_ANCHOR, READ, Rules, write
from include.api.gate.problems import Refusal
from include.api.gate.routing import Routes
from include.api.models.reading import paged, require_model, require_plot, require_version, unusable
from include.api.models.shapes import ModelCardView, ModelPage, ModelView, PromoteBody, PromotionPage, RollbackBody
from include.api.tasks.shapes import DEFAULT_LIMIT, LARGEST_OFFSET, LimitQuery, TextField
from include.errors import ModelError, StoreConflict
from include.registry.promotions import COMMAND, list_promotions, promote, roll_back, version_before
from include.registry.showing.views import card_view, promotion_view, version_view
from include.registry.versions import list_versions

PNG_TYPE = "image/png"
OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET)]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    found = Models(context)
    reading, writing = Rules(READ), Rules(write(MODELS_ANCHOR), is_idempotent=True)
    options: dict[str, Any] = {"tags": ["models"]}
    one: dict[str, Any] = {"errors": (404,), **options}
    routes.add("GET", "/models", found.versions, reading, response_model=ModelPage, summary="All versions", **options)
    routes.add(
        "GET", "/models/{name}/history", found.history, reading, response_model=PromotionPage,
        summary="Which version decided since when, and why", **one,
    )  # fmt: skip
    routes.add(
        "GET", "/models/{name}/versions/{version}", found.card, reading, response_model=ModelCardView,
        summary="A version with its card", **one,
    )  # fmt: skip
    routes.add(
        "GET", "/models/{name}/versions/{version}/plots/{plot}", found.plot, Rules(READ, media_type=PNG_TYPE),
        errors=(404, 409), response_class=Response, summary="A plot of a card",
        responses={200: {"content": {PNG_TYPE: {}}, "description": "The picture"}}, **options,
    )  # fmt: skip
    changing: dict[str, Any] = {"errors": (404, 409), "response_model": ModelView, **options}
    routes.add("POST", "/models/{name}/promote", found.promote, writing, summary="Let a version decide", **changing)
    routes.add(
        "POST", "/models/{name}/rollback", found.rollback, writing,
        summary="Let the version before the last promotion decide again", **changing,
    )  # fmt: skip


class Models:
    """Endpoints of models.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def versions(
        self,
        name: Annotated[TextField | None, Query(description="Versions of one model only.")] = None,
        limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """List the registered versions, by name, newest first."""
        found = [version for version in list_versions(self._context.stores.state) if name in (None, version.name)]
        return paged([version_view(version) for version in found], limit, offset)

    def history(
        self, name: str, limit: Annotated[LimitQuery, Query()] = DEFAULT_LIMIT, offset: OffsetQuery = 0
    ) -> dict[str, Any]:
        """List the promotions of a model, newest first."""
        state = self._context.stores.state
        require_model(state, name)
        return paged([promotion_view(one) for one in reversed(list_promotions(state, name))], limit, offset)

    def card(self, name: str, version: str) -> dict[str, Any]:
        """Show a version and its card."""
        return card_view(require_version(self._context.stores.state, name, version))

    def plot(self, name: str, version: str, plot: str) -> Response:
        """Give a plot of a card, its digest checked."""
        found = require_version(self._context.stores.state, name, version)
        return Response(require_plot(self._context.settings, found, plot), media_type=PNG_TYPE)

    def promote(self, name: str, body: PromoteBody, request: Request) -> dict[str, Any]:
        """Let a version decide from now on; the one before it is archived."""
        state = self._context.stores.state
        wanted = require_version(state, name, body.version)
        try:
            found = promote(
                state, wanted.name, wanted.version,
                cause=COMMAND, run_id=_asked_by(request), models_dir=self._context.settings.models_dir,
            )  # fmt: skip
        except ModelError as error:
            raise unusable(error) from None
        return version_view(found)

    def rollback(self, name: str, body: RollbackBody, request: Request) -> dict[str, Any]:
        """Let the version that decided before the last promotion decide again."""
        state = self._context.stores.state
        require_model(state, name)
        if version_before(state, name) is None:
            raise Refusal(409, "no_version_before", "This model has no version to go back to.")
        try:
            found = roll_back(
                state, name,
                run_id=_asked_by(request), models_dir=self._context.settings.models_dir, from_version=body.from_version,
            )  # fmt: skip
        except StoreConflict as error:
            raise Refusal(409, "other_version_decides", error.message) from None
        except ModelError as error:
            raise unusable(error) from None
        return version_view(found)


def _asked_by(request: Request) -> str:
    """What the history says of who did it."""
    return f"api:{request.state.caller.login}"
