"""H3, A6, X1, X2: every route asked by every kind of caller."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from sqlalchemy import Engine, update

from include.accounts.scopes import BACKFILL, INGEST, SCOPES, SEGMENTS_READ, STATS_READ
from include.days import utc_now
from include.state.tables import api_keys
from tests.api.callers_table import TABLE, is_open_to, policy_of
from tests.api_client import EDITOR, PREFIX, VIEWER, Api, InMemoryOrchestrator, Person, bearer

PARAMETER = re.compile(r"\{(\w+)\}")
LAST = ("POST", "/auth/logout")  # ends the session that asks


@dataclass(frozen=True)
class Stage:
    """An app of somebody, and everybody who might ask for it."""

    api: Api
    app_code: str
    other_code: str
    owner: Person
    tokens: dict[str, str]

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """Ask with the app of the stage in the address; a body that no route takes."""
        filled = PARAMETER.sub(lambda found: self.app_code if found[1] == "app_code" else "x", path)
        body = {} if method == "GET" else {"json": {"no such field": 1}}
        return self.api.ask(method, filled, **body, **arguments)


def expired_key(api: Api, state: Engine, app_code: str, **changes: Any) -> str:
    """A key that was good once."""
    key = api.key(app_code, *SCOPES)
    with state.begin() as connection:
        connection.execute(update(api_keys).where(api_keys.c.prefix == key[:12]).values(**changes))
    return key


@pytest.fixture(scope="module")
def stage(engine_environ: dict[str, str], state: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    local = tmp_path_factory.mktemp("stage")
    api = Api(InMemoryOrchestrator(), {**engine_environ, "COUNTERFLOW_LOCAL_DIR": str(local)})
    owner, other = api.person(), api.person()
    app_code, other_code = api.app_code(owner), api.app_code(other)
    past = utc_now() - dt.timedelta(minutes=1)
    tokens = {
        "student": api.person().token,
        "teacher": api.person("teacher").token,
        "admin": api.person("admin").token,
        "owner": owner.token,
        "other owner": other.token,
        **{scope: api.key(app_code, scope) for scope in SCOPES},
        "key of another app": api.key(other_code, *SCOPES),
        "expired key": expired_key(api, state, app_code, expires_at=past),
        "revoked key": expired_key(api, state, app_code, revoked_at=past),
        "wrong key": api.key(app_code)[:-1] + "!",
        "viewer": VIEWER,
        "operator": EDITOR,
    }
    tokens |= {f"forged: {kind}": token for kind, token in api.forged(owner).items()}
    yield Stage(api, app_code, other_code, owner, tokens)
    api.close()


CALLERS: dict[str, dict[str, Any]] = {
    "student": {"role": "student"},
    "teacher": {"role": "teacher"},
    "admin": {"role": "admin"},
    "owner": {"role": "student"},
    "other owner": {"role": "student"},
    INGEST: {"scope": INGEST},
    BACKFILL: {"scope": BACKFILL},
    STATS_READ: {"scope": STATS_READ},
    SEGMENTS_READ: {"scope": SEGMENTS_READ},
    "viewer": {"is_operator": True},
    "operator": {"is_operator": True, "writes": True},
}


def in_order() -> list[tuple[str, str]]:
    return sorted(TABLE, key=lambda address: address == LAST)


class TestTable:
    def test_should_be_the_policies_of_the_app(self, stage: Stage) -> None:
        policies = {(method, path): rules.policy for method, path, rules in stage.api.app.state.routes.table()}
        assert policies == {address: policy_of(marks) for address, marks in TABLE.items()}

    @pytest.mark.parametrize("caller", CALLERS)
    def test_should_hold_for_every_route(self, stage: Stage, caller: str) -> None:
        """H3."""
        wrong = {}
        for method, path in in_order():
            answer = stage.ask(method, path, token=stage.tokens[caller])
            passes = answer.status_code not in (401, 403) or answer.json()["code"] == "course_not_yours"
            if passes is not is_open_to(TABLE[method, path], **CALLERS[caller]) or answer.status_code >= 500:
                wrong[method, path] = (answer.status_code, answer.text[:200])
        assert wrong == {}

    def test_should_show_no_app_to_accounts_that_do_not_own_it(self, stage: Stage) -> None:
        own = [address for address, marks in TABLE.items() if "own" in marks.split() and "{app_code}" in address[1]]
        stranger = stage.api.person("teacher").token
        for method, path in own:
            foreign = stage.ask(method, path, token=stranger)
            absent = stage.api.ask(
                method, PARAMETER.sub("x", path), token=stranger,
                **({} if method == "GET" else {"json": {"no such field": 1}}),
            )  # fmt: skip
            assert foreign.status_code == absent.status_code
            assert foreign.status_code in (404, 422), (method, path)
            assert foreign.json()["detail"] == absent.json()["detail"]
        assert len(own) >= 8


class TestNobody:
    """X1 and X2: credentials that open nothing."""

    @pytest.mark.parametrize(
        "kind",
        [
            "none", "expired key", "revoked key", "wrong key", "forged: expired", "forged: unsigned",
            "forged: other key", "forged: other issuer", "forged: other audience", "forged: other algorithm",
            "forged: edited", "forged: cut", "forged: of nobody", "forged: old epoch",
        ],
    )  # fmt: skip
    def test_should_answer_401_on_every_route_that_is_not_public(self, stage: Stage, kind: str) -> None:
        token = stage.tokens.get(kind)
        answers = {
            address: stage.ask(*address, token=token) for address, marks in TABLE.items() if "pub" not in marks.split()
        }
        assert {answer.status_code for answer in answers.values()} == {401}
        assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}
        assert len({answer.json()["detail"] for answer in answers.values()}) == 1

    @pytest.mark.parametrize("kind", ["expired key", "forged: expired", "forged: unsigned"])
    def test_should_serve_the_public_routes_all_the_same(self, stage: Stage, kind: str) -> None:
        public = [address for address, marks in TABLE.items() if "pub" in marks.split()]
        statuses = {stage.ask(*address, token=stage.tokens[kind]).status_code for address in public}
        assert statuses == {200, 422}


class TestKeys:
    """A6: scopes and app of a key."""

    KEYED: ClassVar = [address for address, marks in TABLE.items() if "K:" in marks]

    def test_should_say_key_scope_when_the_key_was_made_for_something_else(self, stage: Stage) -> None:
        for method, path in self.KEYED:
            answer = stage.ask(method, path, token=stage.tokens[SEGMENTS_READ])
            assert (answer.status_code, answer.json()["code"]) == (403, "key_scope")

    def test_should_say_the_same_for_existing_and_absent_apps_when_the_key_is_of_another(self, stage: Stage) -> None:
        bound = [(method, path) for method, path in self.KEYED if "{app_code}" in path]
        for method, path in bound:
            bodies = []
            for code in (stage.app_code, f"nothing-{uuid4()}", "x"):
                filled = PARAMETER.sub(lambda found, code=code: code if found[1] == "app_code" else "x", path)
                answer = stage.api.ask(
                    method, filled, token=stage.tokens["key of another app"],
                    **({} if method == "GET" else {"json": {"events": []}}),
                )  # fmt: skip
                bodies.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
            assert {body[:2] for body in bodies} == {(403, "key_app_mismatch")}, (method, path)
            assert len(set(bodies)) == 1
        assert len(bound) == 4

    def test_should_take_a_key_in_either_header(self, stage: Stage) -> None:
        key, path = stage.tokens[INGEST], f"/apps/{stage.app_code}/schema"
        for headers in ({"X-API-Key": key}, bearer(key), {"X-API-Key": key, **bearer(key)}):
            assert stage.api.client.get(PREFIX + path, headers=headers).status_code == 200

    @pytest.mark.parametrize("second", [INGEST, "owner", "operator"])
    def test_should_answer_401_when_two_headers_say_different_things(self, stage: Stage, second: str) -> None:
        headers = {"X-API-Key": stage.tokens[STATS_READ], **bearer(stage.tokens[second])}
        path = f"{PREFIX}/apps/{stage.app_code}"
        assert stage.api.client.get(path, headers=headers).status_code == 401

    def test_should_not_take_a_token_in_the_header_of_keys(self, stage: Stage) -> None:
        for kind in ("owner", "operator"):
            headers = {"X-API-Key": stage.tokens[kind]}
            assert stage.api.client.get(f"{PREFIX}/apps", headers=headers).status_code == 401
