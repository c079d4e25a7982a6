"""Browsers on pages of other sites: only the listed ones may call."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SHOWN_HEADERS = (
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Has-More",
    "X-Request-Id",
    "X-Total-Count",
)
REMEMBERED_SECONDS = 600


class ListedOrigins:
    """Answers preflight requests of the listed origins; everything else goes on as if there were no such thing.

    Browser sessions are not shared with other sites: those send a bearer token or key of their own.

    Args:
        app: the rest of the app.
        origins: origins that may call, such as ``https://shop.example``.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        self._app, self._origins = app, frozenset(origins)
        self._listed = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=("*",),
            expose_headers=SHOWN_HEADERS,
            max_age=REMEMBERED_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Args:
            scope: what it is.
            receive: gives its messages.
            send: takes the answer's.
        """
        is_listed = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._origins
        await (self._listed if is_listed else self._app)(scope, receive, send)
