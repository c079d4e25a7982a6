"""The app over real stores, with an orchestrator that keeps its runs in memory."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import jwt
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount

from include.accounts.keys import create_key
from include.accounts.scopes import INGEST
from include.api.app import create_app
from include.api.context import ApiContext
from include.api.orchestrator import (
    FAILED,
    QUEUED,
    RUNNING,
    SUCCESS,
    FollowUp,
    Principal,
    RunOrder,
    RunState,
    SourceConnection,
)
from include.days import utc_now
from include.errors import InputError, StoreUnavailable
from include.secret import Secret

PREFIX = "/counterflow"
EDITOR, VIEWER, OTHER = "editor-token", "viewer-token", "other-editor-token"
USERS = {EDITOR: "erin", VIEWER: "victor", OTHER: "olga"}
REFUSED_CONF = "refuse me"


@dataclass
class InMemoryOrchestrator:
    """Runs that tests move on by hand; users as a small Airflow would have them."""

    runs: dict[tuple[str, str], RunState] = field(default_factory=dict)
    orders: list[RunOrder] = field(default_factory=list)
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    connections: dict[str, SourceConnection] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)
    is_alive: bool = True
    has_key: bool = True
    is_reachable: bool = True
    fernet: Fernet = field(default_factory=lambda: Fernet(base64.urlsafe_b64encode(b"k" * 32)))

    async def authenticate(self, token: Secret) -> Principal | None:
        name = USERS.get(token.value)
        return Principal(name, token.value) if name else None

    def may_edit(self, principal: Principal, dag_id: str) -> bool:
        return principal.handle in (EDITOR, OTHER) and bool(dag_id)

    def start_run(self, order: RunOrder) -> None:
        if not self.is_reachable:
            raise StoreUnavailable("Airflow's database does not answer.")
        if order.conf.get("target") == REFUSED_CONF:
            raise InputError("The DAG refuses this.", code="run_refused")
        if (order.dag_id, order.run_id) not in self.runs:
            self.orders.append(order)
            self.add_run(order.dag_id, order.run_id, conf=order.conf, partition_key=order.partition_key)

    def add_run(self, dag_id: str, run_id: str, state: str = QUEUED, **facts: Any) -> RunState:
        self.runs[dag_id, run_id] = RunState(dag_id, run_id, state, **facts)
        return self.runs[dag_id, run_id]

    def find_runs(self, run_id: str, dag_ids: tuple[str, ...]) -> tuple[RunState, ...]:
        return tuple(self.runs[dag_id, run_id] for dag_id in dag_ids if (dag_id, run_id) in self.runs)

    def follow_up(self, run: RunState, dag_id: str) -> FollowUp:
        return self.follow_ups.get(run.run_id, FollowUp(False))

    def step_count(self, dag_id: str) -> int:
        return 5

    def last_error(self, run: RunState) -> str | None:
        return self.errors.get(run.run_id)

    def connection(self, connection_id: str) -> SourceConnection | None:
        return self.connections.get(connection_id)

    def encrypt(self, token: Secret) -> bytes:
        if not self.has_key:
            raise InputError("There is no key.", code="token_not_accepted", pointer="/token")
        return self.fernet.encrypt(token.value.encode())

    def is_scheduling(self) -> bool:
        return self.is_alive

    def environment(self) -> Mapping[str, str]:
        return self.stored

    def move(self, dag_id: str, run_id: str, state: str, **facts: Any) -> None:
        """Bring a run to a state."""
        now = utc_now()
        times: dict[str, dt.datetime | None] = {"started_at": now, "ended_at": now}
        if state == RUNNING:
            times["ended_at"] = None
        self.runs[dag_id, run_id] = replace(self.runs[dag_id, run_id], state=state, **{**times, **facts})

    def finish_visits(self, run_id: str, state: str = SUCCESS) -> None:
        """End the loading run and the scoring run that it set off."""
        self.move("metrika_logs", run_id, SUCCESS, step_count=5, finished_count=5)
        now = utc_now()
        later = RunState(
            "visit_scoring", f"asset_triggered__{run_id}", state, step_count=4, finished_count=4,
            started_at=now, ended_at=now,
        )  # fmt: skip
        self.follow_ups[run_id] = FollowUp(True, later)

    def fail(self, dag_id: str, run_id: str, error: str) -> None:
        """End a run badly."""
        self.move(dag_id, run_id, FAILED, step_count=5, finished_count=2)
        self.errors[run_id] = error


@dataclass(frozen=True)
class Person:
    """Somebody with an account, signed in."""

    user_id: str
    email: str
    password: str
    token: str
    refresh_token: str

    @property
    def name(self) -> str:
        return f"account:{self.user_id}"


def bearer(token: str) -> dict[str, str]:
    """The header of a token or key."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Api:
    """The app mounted below its prefix, as Airflow does it."""

    orchestrator: InMemoryOrchestrator
    environ: Mapping[str, str]
    token: str = EDITOR
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.orchestrator, self.environ)
        outer = Starlette(routes=[Mount(PREFIX, self.app)])
        self.client = TestClient(outer, raise_server_exceptions=False, base_url="http://airflow.test")

    def ask(self, method: str, path: str, *, token: str | None = "", **arguments: Any) -> Any:
        """One request; with the editor's token unless told otherwise."""
        bearer = self.token if token == "" else token
        headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **arguments.pop("headers", {})}
        return self.client.request(method, PREFIX + path, headers=headers, **arguments)

    def get(self, path: str, **arguments: Any) -> Any:
        return self.ask("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> Any:
        return self.ask("POST", path, **arguments)

    def put(self, path: str, **arguments: Any) -> Any:
        return self.ask("PUT", path, **arguments)

    def delete(self, path: str, **arguments: Any) -> Any:
        return self.ask("DELETE", path, **arguments)

    @property
    def context(self) -> ApiContext:
        found: ApiContext = self.app.state.context
        return found

    def person(self, role: str = "student", *, password: str = "a long phrase 1") -> Person:
        """A new account with a role, signed in."""
        email = f"{uuid4().hex}@email.com"
        answer = self.post("/auth/register", token=EDITOR, json={"email": email, "password": password, "role": role})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return Person(body["user"]["id"], email, password, body["access_token"], body["refresh_token"])

    def key(self, project: str, *scopes: str, expires_at: dt.datetime | None = None) -> str:
        """A new key of an app, whole."""
        _, secret = create_key(
            self.context.stores.state, project=project, scopes=scopes or (INGEST,), label="test", created_by="test",
            expires_at=expires_at,
        )  # fmt: skip
        return secret.value

    def app_code(self, owner: Person | None = None, **changes: Any) -> str:
        """A new app; of the editor when nobody else owns it."""
        token = owner.token if owner else EDITOR
        answer = self.post("/app/create", token=token, json={"app_name": f"shop {uuid4().hex}", **changes})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["app_code"])

    def forged(self, person: Person) -> dict[str, str]:
        """Tokens that look like one of a person and must open nothing."""
        claims = jwt.decode(person.token, options={"verify_signature": False})
        key, past = self.context.signing_key.value, {"iat": claims["iat"] - 9000, "exp": claims["iat"] - 7200}
        head, _, tail = person.token.partition(".")
        middle, _, signature = tail.partition(".")
        edited = base64.urlsafe_b64encode(json.dumps({**claims, "role": "admin"}).encode()).decode().rstrip("=")
        return {
            "expired": jwt.encode({**claims, **past}, key, algorithm="HS256"),
            "unsigned": jwt.encode(claims, "", algorithm="none"),
            "other key": jwt.encode(claims, "x" * 32, algorithm="HS256"),
            "other issuer": jwt.encode({**claims, "iss": "somebody"}, key, algorithm="HS256"),
            "other audience": jwt.encode({**claims, "aud": "somebody"}, key, algorithm="HS256"),
            "other algorithm": jwt.encode(claims, key, algorithm="HS512"),
            "edited": f"{head}.{edited}.{signature}",
            "cut": f"{head}.{middle}.",
            "of nobody": jwt.encode({**claims, "sub": str(uuid4())}, key, algorithm="HS256"),
            "old epoch": jwt.encode({**claims, "epoch": -1}, key, algorithm="HS256"),
        }

    def close(self) -> None:
        self.app.state.context.close()
