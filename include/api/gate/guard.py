"""The door of the app: who is asking, may they, and is the request well-formed; before any routing.

It stands before the router so that without credentials a known and an unknown path look the same.
"""

from __future__ import annotations

import logging
import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.api.gate.admission import Admission, require_own_app
from include.api.gate.bodies import Room, read_body, replay
from include.api.gate.callers import Caller
from include.api.gate.documents import parse_document
from include.api.gate.idempotency import Replays
from include.api.gate.policies import Rules
from include.api.gate.problems import Refusal, not_found, problem
from include.api.gate.refusals import refusal_of
from include.api.gate.requests import check_accept, check_query
from include.api.gate.routing import Routes

logger = logging.getLogger(__name__)

GIVEN_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Guard:
    """ASGI middleware that lets through only what is known, allowed and well-formed.

    Args:
        app: the rest of the app.
        admission: knows the callers.
        routes: routes with their rules.
        replays: stored answers.
    """

    def __init__(self, app: ASGIApp, *, admission: Admission, routes: Routes, replays: Replays) -> None:
        self._app, self._admission, self._routes, self._replays = app, admission, routes, replays
        self._room = Room()

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
        inner["state"]["request_id"] = answer.request_id
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
        found = self._routes.find(scope)
        route = found.route
        rules = self._routes.rules_of(route) if route else None
        caller = await self._admit(scope["method"], headers, rules)
        if route is None or rules is None:
            raise _nowhere(found.methods)
        require_own_app(caller, found.values.get("app_code"))
        scope["state"]["caller"] = caller
        check_query(self._routes.query_of(route), scope)
        check_accept(headers, rules)
        if route.body_field is None and not rules.body.is_raw:
            await self._app(scope, receive, send)
            return
        with self._room.share() as take:
            body = await read_body(headers, receive, rules.body, take)
            if rules.body.is_raw:
                scope["state"]["body"] = body
            else:
                parse_document(body)
            inner = replay(body, receive)
            key = headers.get("idempotency-key") if rules.is_idempotent else None
            if key is None or caller is None:
                await self._app(scope, inner, send)
            else:
                await self._replays.serve(self._app, scope, inner, send, name=caller.name, key=key, body=body)

    async def _admit(self, method: str, headers: Headers, rules: Rules | None) -> Caller | None:
        if rules is None:
            await self._admission.identify(method, headers)
            return None
        policy = rules.policy
        if policy.is_public:
            known = await self._admission.identify_if_given(method, headers) if policy.knows_callers else None
            return await self._admission.check(policy, known) if known else None
        return await self._admission.check(policy, await self._admission.identify(method, headers))


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


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id") or ""
    return given if GIVEN_ID.fullmatch(given) else uuid4().hex


def _normalised(scope: Scope) -> Scope:
    """A trailing slash makes no other route, and HEAD finds what GET finds."""
    path, root = scope["path"], scope.get("root_path", "")
    if path.endswith("/") and path not in ("/", root + "/"):
        path = path[:-1]
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "path": path, "method": method, "state": dict(scope.get("state") or {})}


def _nowhere(methods: tuple[str, ...]) -> Refusal:
    if not methods:
        return not_found()
    allowed = ", ".join(methods)
    return Refusal(405, "method_not_allowed", f"This address takes {allowed} only.", headers={"Allow": allowed})
