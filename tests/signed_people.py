"""People who sign in over HTTP, for tests of what is whose."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from include.accounts.actors import COMMAND
from include.accounts.people import change_role
from include.accounts.roles import STUDENT
from tests.api_client import Api

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """Somebody with an access token."""

    user_id: str
    email: str
    token: str

    @property
    def name(self) -> str:
        return f"account:{self.user_id}"


def signed_up(api: Api, role: str = STUDENT) -> Person:
    """Register somebody new and give them a role."""
    email = f"{uuid.uuid4().hex}@example.com"
    body = api.post("/auth/register", token=None, json={"email": email, "password": PASSWORD}).json()
    person = Person(body["user"]["id"], email, body["access_token"])
    if role == STUDENT:
        return person
    change_role(api.app.state.context.stores.state, person.user_id, role, by=COMMAND)
    again = api.post("/auth/login", token=None, json={"email": email, "password": PASSWORD}).json()
    return Person(person.user_id, email, again["access_token"])


@dataclass(frozen=True)
class OwnApp:
    """An app with its first key."""

    app_code: str
    key: str


def created_app(api: Api, owner: Person | None = None, **fields: Any) -> OwnApp:
    """Create an app of a new name; an operator's without an owner."""
    token = owner.token if owner else ""
    body = {"app_name": f"shop {uuid.uuid4().hex}", **fields}
    answer = api.post("/app/create", token=token, json=body)
    assert answer.status_code == 200, answer.text
    return OwnApp(answer.json()["app_code"], answer.json()["api_token"])
