"""The door of the app: who is asking, may they, and is the request well-formed; before any routing.

It stands before the router so that without credentials a known and an unknown path look the same.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.api.gate.bodies import read_body, replay
from include.api.gate.documents import parse_document
from include.api.gate.idempotency import Replays
from include.api.gate.policies import Rules
from include.api.gate.problems import Invalid, Refusal, problem
from include.api.gate.refusals import refusal_of
from include.api.gate.routing import Routes, query_names
from include.api.orchestrator import Orchestrator, Principal
from include.secret import Secret

logger = logging.getLogger(__name__)

SESSION_COOKIE = "_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
GIVEN_ID = re.compile(r"[\x21-\x7e]{1,128}")
UNAUTHORIZED = Refusal(
    401, "unauthorized", "Give a valid bearer token of this Airflow.", headers={"WWW-Authenticate": "Bearer"}
)
FORBIDDEN = Refusal(403, "forbidden", "Your account may not do this.")
CSRF = Refusal(403, "csrf", "A browser session changes things from its own pages only; send a bearer token instead.")
NOT_FOUND = Refusal(404, "not_found", "There is nothing at this address.")


@dataclass(frozen=True)
class Credential:
    """What a request brought to say who it is.

    Attributes:
        token: the token.
        is_cookie: it came by itself, from a browser's session.
    """

    token: Secret
    is_cookie: bool


class Guard:
    """ASGI middleware that lets through only what is known, allowed and well-formed.

    Args:
        app: the rest of the app.
        orchestrator: knows the callers.
        routes: routes with their rules.
        replays: stored answers.
        public_url: address people use; empty when not configured.
    """

    def __init__(
        self, app: ASGIApp, *, orchestrator: Orchestrator, routes: Routes, replays: Replays, public_url: str
    ) -> None:
        self._app, self._orchestrator, self._routes, self._replays = app, orchestrator, routes, replays
        self._public_origin = urlsplit(public_url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Args:
            scope: what it is.
            receive: gives its messages.
            send: takes the answer's.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        answer = Answer(send, _request_id(headers), is_head=scope["method"] == "HEAD")
        inner = _normalised(scope)
        inner.setdefault("state", {})["request_id"] = answer.request_id
        try:
            await self._serve(inner, headers, receive, answer.send)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal.status == 500:
                logger.exception("request %s %s failed", answer.request_id, inner["path"])
            if not answer.is_started:
                said = problem(refusal, instance=inner["path"], request_id=answer.request_id)
                await said(inner, receive, answer.send)

    async def _serve(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        route, methods = self._routes.find(scope)
        rules = self._routes.rules_of(route) if route else None
        principal = None
        if rules is None or not rules.policy.is_public:
            principal = await self._admit(scope["method"], headers)
        if route is None or rules is None:
            raise _nowhere(methods)
        anchor = rules.policy.anchor_dag
        if anchor and principal and not await run_in_threadpool(self._orchestrator.may_edit, principal, anchor):
            raise FORBIDDEN
        scope["state"]["principal"] = principal
        _check_query(route, scope)
        _check_accept(headers, rules)
        if route.body_field is None:
            await self._app(scope, receive, send)
            return
        body = await read_body(headers, receive)
        parse_document(body)
        key = headers.get("idempotency-key")
        inner = replay(body, receive)
        if key is None or not rules.is_idempotent or principal is None:
            await self._app(scope, inner, send)
            return
        await self._replays.serve(self._app, scope, inner, send, name=principal.name, key=key, body=body)

    async def _admit(self, method: str, headers: Headers) -> Principal:
        credential = credential_of(headers)
        principal = await self._orchestrator.authenticate(credential.token) if credential else None
        if credential is None or principal is None:
            raise UNAUTHORIZED
        if credential.is_cookie and method not in SAFE_METHODS and not self._is_same_origin(headers):
            raise CSRF
        return principal

    def _is_same_origin(self, headers: Mapping[str, str]) -> bool:
        if headers.get("sec-fetch-site") == "same-origin":
            return True
        origin = urlsplit(headers.get("origin") or "").netloc
        return bool(origin) and origin in {headers.get("host"), self._public_origin}


class Answer:
    """The way back: adds the request id, and takes the body off answers to HEAD.

    Args:
        send: takes messages.
        request_id: id of the request.
        is_head: leave the body out.
    """

    def __init__(self, send: Send, request_id: str, *, is_head: bool) -> None:
        self._send, self.request_id, self._is_head = send, request_id, is_head
        self.is_started = False

    async def send(self, message: Message) -> None:
        """Pass one message on."""
        if message["type"] == "http.response.start":
            self.is_started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cache-Control"] = "no-store"
        elif self._is_head:
            message = {**message, "body": b""}
        await self._send(message)


def credential_of(headers: Mapping[str, str]) -> Credential | None:
    """Find the credential of a request; a header wins over the cookie.

    Args:
        headers: request headers.

    Returns:
        The credential, or None when the request brings none that can be used.
    """
    given = headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        return Credential(Secret(token.strip()), False) if scheme.lower() == "bearer" and token.strip() else None
    cookie = cookie_parser(headers.get("cookie") or "").get(SESSION_COOKIE)
    return Credential(Secret(cookie), True) if cookie else None


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id") or ""
    return given if GIVEN_ID.fullmatch(given) else uuid4().hex


def _normalised(scope: Scope) -> Scope:
    """A trailing slash makes no other route, and HEAD finds what GET finds."""
    path, root = scope["path"], scope.get("root_path", "")
    if path.endswith("/") and path not in ("/", root + "/"):
        path = path[:-1]
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "path": path, "method": method, "state": dict(scope.get("state") or {})}


def _nowhere(methods: list[str]) -> Refusal:
    if not methods:
        return NOT_FOUND
    allowed = ", ".join(methods)
    return Refusal(405, "method_not_allowed", f"This address takes {allowed} only.", headers={"Allow": allowed})


def _check_query(route: APIRoute, scope: Scope) -> None:
    given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    names = [name for name, _ in given]
    faults = [
        {"loc": ["query", name], "msg": "This parameter is not known here.", "type": "unknown_parameter"}
        for name in dict.fromkeys(names)
        if name not in query_names(route)
    ]
    faults += [
        {"loc": ["query", name], "msg": "This parameter is given twice.", "type": "repeated_parameter"}
        for name in dict.fromkeys(names)
        if names.count(name) > 1 and name in query_names(route)
    ]
    if faults:
        raise Invalid(faults)


def _check_accept(headers: Mapping[str, str], rules: Rules) -> None:
    accept = headers.get("accept")
    if not accept:
        return
    kind = rules.media_type.partition("/")[0]
    wanted = {"*/*", f"{kind}/*", rules.media_type}
    for entry in accept.lower().split(","):
        name, _, rest = entry.strip().partition(";")
        if name.strip() in wanted and not re.fullmatch(r"\s*q=0(\.0*)?\s*", rest):
            return
    raise Refusal(406, "not_acceptable", f"This address answers with {rules.media_type} only.")
