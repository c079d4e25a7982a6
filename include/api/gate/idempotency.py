"""``Idempotency-Key``: the same request again gets the first answer, whatever happened in between.

While a request runs, its key is held by an advisory lock of PostgreSQL. A process that dies gives the lock
up; the retry then does the work again under the same ids, so that it finds what was done and answers alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, RowMapping, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.api.gate.locks import try_lock
from include.api.gate.problems import Refusal, invalid
from include.days import utc_now
from include.state.engine import reachable
from include.state.tables import api_replays

KEPT = dt.timedelta(hours=24)
KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
NOT_KEPT = frozenset({429})
KEPT_HEADERS = (b"content-type", b"location", b"retry-after")
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True)
class Claim:
    """A key that this request holds.

    Attributes:
        began_at: when the first request with the key came, aware UTC; later tries get the same.
        seed: text from which ids are made, equal for later tries.
    """

    began_at: dt.datetime
    seed: str


class Replays:
    """Stored answers of one app.

    Args:
        engines: gives the state engine and the engine for locks.
    """

    def __init__(self, engines: Callable[[], tuple[Engine, Engine]]) -> None:
        self._engines = engines

    async def serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, name: str, key: str, body: bytes
    ) -> None:
        """Answer from the store, or let the app answer and store that.

        Args:
            app: the rest of the app.
            scope: ASGI scope.
            receive: gives the body.
            send: takes the answer.
            name: the caller, with its kind.
            key: the key as sent.
            body: the body's bytes.

        Raises:
            Refusal: the first request is still running (409), or had another body (422).
        """
        if not KEY_FORM.fullmatch(key):
            raise invalid(
                "/Idempotency-Key", "Give 1 to 255 visible ASCII characters.", "bad_idempotency_key", place="header"
            )
        engine, locks = await run_in_threadpool(self._engines)
        turn = Turn(engine, locks, (name, scope["method"], scope["path"], key), hashlib.sha256(body).hexdigest())
        try:
            stored = await run_in_threadpool(turn.begin)
            if stored is not None:
                await _send_stored(stored, send)
                return
            scope["state"]["claim"] = turn.claim
            answer = Recorder()
            await app(scope, receive, answer.send)
            await run_in_threadpool(turn.end, answer)
            await answer.pass_on(send)
        finally:
            await run_in_threadpool(turn.close)


class Turn:
    """One request with a key.

    Args:
        engine: the state engine.
        locks: engine for locks.
        scope: caller, method, path, key.
        body_sha256: digest of the body.
    """

    def __init__(self, engine: Engine, locks: Engine, scope: tuple[str, str, str, str], body_sha256: str) -> None:
        self._engine, self._locks, self._scope, self._sha256 = engine, locks, scope, body_sha256
        self._held = ExitStack()
        self.claim: Claim | None = None
        self._is_kept = False

    def begin(self) -> RowMapping | None:
        """Take the key.

        Returns:
            The stored answer, or None when the request is to be carried out.

        Raises:
            Refusal: the key is held by another request, or belongs to another body.
        """
        seed = hashlib.sha256("\0".join(self._scope).encode()).hexdigest()
        is_free = self._held.enter_context(try_lock(self._locks, f"replay:{seed}"))
        row = self._row(seed)
        if row["body_sha256"] != self._sha256:
            raise invalid(
                "/Idempotency-Key",
                "This key was used for another request; choose a new one.",
                "idempotency_mismatch",
                place="header",
            )
        if row["status"] is not None:
            return row
        if not is_free:
            raise Refusal(
                409,
                "idempotency_running",
                "The first request with this Idempotency-Key is still running.",
                retry_after_seconds=1,
            )
        began_at = row["created_at"]
        self.claim = Claim(began_at, hashlib.sha256(f"{seed}{began_at.isoformat()}".encode()).hexdigest())
        return None

    def end(self, answer: Recorder) -> None:
        """Store the answer, or forget the request when it may succeed another time."""
        if answer.status is None or answer.status >= 500 or answer.status in NOT_KEPT:
            return
        values = {"status": answer.status, "answer": answer.record()}
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(update(api_replays).where(self._is_this()).values(values))
        self._is_kept = True

    def close(self) -> None:
        """Give the key back."""
        try:
            if self.claim is not None and not self._is_kept:
                unanswered = and_(self._is_this(), api_replays.c.status.is_(None))
                with self._engine.begin() as connection:
                    connection.execute(delete(api_replays).where(unanswered))
        finally:
            self._held.close()

    def _row(self, seed: str) -> RowMapping:
        """The row of this key, made when it is missing or too old."""
        now = utc_now()
        names = ("principal", "method", "path", "idempotency_key")
        values = {**dict(zip(names, self._scope, strict=True)), "body_sha256": self._sha256, "created_at": now}
        old = and_(self._is_this(), api_replays.c.created_at < now - KEPT)
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(delete(api_replays).where(old))
            connection.execute(insert(api_replays).values(values).on_conflict_do_nothing())
            return connection.execute(select(api_replays).where(self._is_this())).mappings().one()

    def _is_this(self) -> ColumnElement[bool]:
        c = api_replays.c
        principal, method, path, key = self._scope
        return and_(c.principal == principal, c.method == method, c.path == path, c.idempotency_key == key)


class Recorder:
    """Holds an answer back until it is stored."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._headers: dict[str, str] = {}
        self._messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Take one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = {
                name.decode(): value.decode("latin-1") for name, value in message["headers"] if name in KEPT_HEADERS
            }
        self._messages.append(message)

    async def pass_on(self, send: Send) -> None:
        """Send what was held back.

        Args:
            send: takes the messages.
        """
        for message in self._messages:
            await send(message)

    def record(self) -> bytes:
        """Give headers and body as one document."""
        body = b"".join(message.get("body", b"") for message in self._messages)
        return json.dumps({"headers": self._headers, "body": body.decode()}).encode()


async def _send_stored(stored: RowMapping, send: Send) -> None:
    record = json.loads(bytes(stored["answer"]))
    body = record["body"].encode()
    headers = MutableHeaders({**record["headers"], "content-length": str(len(body)), REPLAYED: "true"})
    await send({"type": "http.response.start", "status": stored["status"], "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
