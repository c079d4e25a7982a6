"""The app factory: every route with its policy, the guard before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from include.api import intake_page, passports, system
from include.api.accounts import courses, people, signing_in
from include.api.activities import routes as activities
from include.api.apps import app_events, app_keys, apps
from include.api.context import ApiContext
from include.api.events import routes as event_routes
from include.api.gate.admission import Admission
from include.api.gate.cross_origin import ListedOrigins
from include.api.gate.guard import Guard
from include.api.gate.idempotency import Replays
from include.api.gate.problems import problem
from include.api.gate.refusals import refusal_of
from include.api.gate.routing import Routes
from include.api.known_callers import KnownCallers
from include.api.metrics import routes as metrics
from include.api.models import pages, versions
from include.api.orchestrator import Orchestrator
from include.api.statistics import routes as statistics
from include.api.tasks import conversion_jobs, visit_tasks
from include.errors import CounterflowError

TITLE, VERSION = "Counterflow", "0.1.0"
DESCRIPTION = (
    "Take in learning, shop and mobile events of registered apps and read their statistics; sign people in; load and "
    "score days of Yandex Metrika logs, and send their level 4+ visits as offline conversions."
)

# In this order; the words schema and keys of apps come before any event code of statistics.
ROOMS = (
    *(signing_in, people, courses),
    *(apps, app_events, app_keys),
    *(visit_tasks, conversion_jobs, passports),
    *(versions, pages),
    *(event_routes, statistics, activities, intake_page),
    metrics,
)


def create_app(orchestrator: Orchestrator, environ: Mapping[str, str] | None = None) -> FastAPI:
    """Make the app.

    Args:
        orchestrator: who is asking, starting runs, looking at runs.
        environ: settings by name; the process environment when None.

    Returns:
        The app, to be mounted below a prefix.

    Raises:
        ConfigError: a route has no policy, or a setting of the API cannot be read.
    """
    context = ApiContext(orchestrator, environ)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        """Refuse to start while a route has no policy."""
        routes.check()
        yield
        context.close()

    app = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    routes = Routes(app)
    for room in ROOMS:
        room.add_routes(routes, context)
    system.add_routes(routes, context, app)
    routes.check()
    app.state.context, app.state.routes = context, routes
    for kind in (CounterflowError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _refuse)
    app.add_middleware(
        Guard,
        admission=Admission(orchestrator, KnownCallers(context), context.api.public_url),
        routes=routes,
        replays=Replays(lambda: (context.stores.state, context.locks.requests)),
    )
    if context.api.cors_origins:
        app.add_middleware(ListedOrigins, origins=context.api.cors_origins)
    return app


def _refuse(request: Request, error: Exception) -> Response:
    refusal = refusal_of(error)
    if refusal.status == 500:
        raise error  # the guard logs it and answers
    return problem(refusal, instance=request.scope["path"], request_id=request.state.request_id)
