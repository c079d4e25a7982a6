"""People who sign in, for the tests: one hash for all of them, and a clock that is told."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, select

from include.accounts.access import AccessToken
from include.accounts.actors import COMMAND, Actor
from include.accounts.people import Account, NewPerson, register
from include.accounts.signing_in import sign_in, start_session
from include.accounts.tokens import Session, SignedIn, check_access, refresh, renew_access
from include.errors import CounterflowError
from include.secret import Secret
from include.settings import AccountSettings
from include.state.tables import account_audit

NOW = dt.datetime(2026, 3, 1, 12, 0, 30, tzinfo=dt.UTC)
PASSWORD = Secret("correct horse battery")
SIGNING_KEY = Secret("k" * 40)


def new_email() -> str:
    return f"p{uuid.uuid4().hex[:12]}@email.com"


@dataclass
class People:
    """The functions of accounts over one database, at a time that is set by hand."""

    engine: Engine
    settings: AccountSettings = field(default_factory=AccountSettings)
    key: Secret = SIGNING_KEY
    now: dt.datetime = NOW

    def later(self, **passed: float) -> People:
        return replace(self, now=self.now + dt.timedelta(**passed))

    def register(self, *, by: Actor | None = None, **fields: Any) -> Account:
        person = NewPerson(**({"email": new_email(), "password": PASSWORD} | fields))
        actor = by or (COMMAND if person.role != "student" else Actor())
        return register(self.engine, self.settings, person, by=actor, now=self.now)

    def sign_in(self, email: str, password: Secret = PASSWORD, address: str = "") -> SignedIn:
        return sign_in(
            self.engine, self.settings, self.key, email=email, password=password, address=address, now=self.now
        )

    def start(self, account: Account) -> SignedIn:
        return start_session(self.engine, self.settings, self.key, account, now=self.now)

    def refresh(self, token: Secret) -> SignedIn:
        return refresh(self.engine, self.settings, self.key, token, now=self.now)

    def check(self, token: Secret) -> Session:
        return check_access(self.engine, self.settings, self.key, token, now=self.now)

    def renew(self, session: Session) -> AccessToken:
        return renew_access(self.settings, self.key, session, now=self.now)

    def audit(self, user_id: str) -> list[str]:
        query = select(account_audit.c.action).where(account_audit.c.user_id == user_id)
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(account_audit.c.audit_id)).scalars())


def refusal(call: Any, *args: Any, **kwargs: Any) -> str:
    """The code with which a call was refused; empty when it was not."""
    try:
        call(*args, **kwargs)
    except CounterflowError as error:
        return str(getattr(error, "code", type(error).__name__))
    return ""
