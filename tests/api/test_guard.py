from __future__ import annotations

import json
import re
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI

from include import api as api_package
from include.api.gate.routing import Routes
from include.errors import ConfigError, ModelError
from tests.api.callers_table import TABLE
from tests.api_client import EDITOR, PREFIX, VIEWER, Api, InMemoryOrchestrator

MODULES = ["include.api", *(one.name for one in walk_packages(api_package.__path__, "include.api."))]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PUBLIC = {address for address, marks in TABLE.items() if "pub" in marks.split()} | {("HEAD", "/health")}
PARAMETER = re.compile(r"\{\w+\}")
UNKNOWN = ("/", "/nothing", "/redoc", "/tasks", "/tasks/", "/auth", "/auth/loginx", "/docs/oauth2-redirect")
WRONG: dict[str, dict[Any, Any]] = {
    "none": {},
    "wrong": {"Authorization": "Bearer nonsense"},
    "unsigned": {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
    "key": {"Authorization": "Bearer cfk_1a2b3c4d"},
    "basic": {"Authorization": "Basic YWRtaW46YWRtaW4="},
    "empty": {"Authorization": "Bearer "},
    "cookie": {"Cookie": "_token=nonsense"},
    "header wins": {"Authorization": "Bearer nonsense", "Cookie": f"_token={EDITOR}"},
    "key wins": {"X-API-Key": "nonsense", "Cookie": f"_token={EDITOR}"},
    "two": {"X-API-Key": "cfk_1a2b3c4d", "Authorization": f"Bearer {EDITOR}"},
    "own issuer": {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJjb3VudGVyZmxvdyJ9.c2ln"},
    "deep": {"Authorization": "Bearer a." + "W1tb" * 2000 + ".c"},
    "not text": {b"Authorization": b"Bearer \xff.\xff.\xff"},
}


def routes_of(api: Api) -> Routes:
    routes: Routes = api.app.state.routes
    return routes


class TestWalk:
    """I17, X1 and X2: every route and method, without credentials and with wrong ones."""

    @pytest.mark.parametrize("kind", WRONG)
    def test_should_answer_401_everywhere_when_nobody_is_known(self, api: Api, kind: str) -> None:
        table = {(method, path) for method, path, _ in routes_of(api).table()}
        paths = {path for _, path in table} | set(UNKNOWN)
        asked = {(method, path) for method in METHODS for path in paths} if kind == "none" else table
        answers = {
            (method, path): api.client.request(method, PREFIX + PARAMETER.sub("x", path), headers=WRONG[kind])
            for method, path in (asked | {("GET", path) for path in UNKNOWN}) - PUBLIC
        }
        assert {answer.status_code for answer in answers.values()} == {401}
        assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}

    def test_should_say_the_same_for_known_and_unknown_paths_when_nobody_is_known(self, api: Api) -> None:
        bodies = []
        for path in ("/tasks/x/status", "/nothing"):
            body = api.get(path, token=None).json()
            bodies.append({name: value for name, value in body.items() if name not in ("instance", "request_id")})
        assert bodies[0] == bodies[1]

    def test_should_stop_the_app_when_a_route_has_no_policy(self, api: Api) -> None:
        """X3."""
        api.app.add_api_route("/open", lambda: {"open": True})
        with pytest.raises(ConfigError, match="/open says nowhere who may call it"):
            routes_of(api).check()
        with pytest.raises(ConfigError), _started(api.app):
            pass


def _started(app: FastAPI) -> Any:
    from fastapi.testclient import TestClient

    return TestClient(app)


class TestRefusals:
    def test_should_be_made_when_they_are_raised(self) -> None:
        """A shared error collects the trace of every request that it refused, and with it the request's memory."""
        modules = [import_module(name) for name in MODULES]
        shared = [
            f"{module.__name__}.{name}"
            for module in modules
            for name, value in vars(module).items()
            if isinstance(value, BaseException)
        ]
        assert (shared, len(modules) > 40) == ([], True)


class TestCookie:
    COOKIE: ClassVar = {"Cookie": f"_token={EDITOR}"}

    def test_should_read_when_the_session_cookie_is_sent(self, api: Api) -> None:
        assert api.get("/health/details", token=None, headers=self.COOKIE).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
    )
    def test_should_answer_403_when_another_site_changes_things(self, api: Api, headers: dict[str, str]) -> None:
        answer = api.post("/tasks", token=None, json={}, headers={**self.COOKIE, **headers})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")

    @pytest.mark.parametrize("headers", [{"Origin": "http://airflow.test"}, {"Sec-Fetch-Site": "same-origin"}])
    def test_should_change_things_when_the_page_is_our_own(self, api: Api, headers: dict[str, str]) -> None:
        answer = api.post("/tasks", token=None, json={}, headers={**self.COOKIE, **headers})
        assert answer.status_code == 422


class TestRequests:
    def test_should_serve_with_a_trailing_slash_when_one_is_written(self, api: Api) -> None:
        answer = api.get("/health/", follow_redirects=False)
        assert answer.status_code == 200

    def test_should_answer_head_when_there_is_get(self, api: Api) -> None:
        answer = api.ask("HEAD", "/openapi.json")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_should_list_the_methods_when_the_method_is_wrong(self, api: Api) -> None:
        answer = api.ask("DELETE", "/health")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert api.get("/tasks").headers["allow"] == "POST"

    def test_should_answer_404_when_a_known_caller_asks_for_nothing(self, api: Api) -> None:
        answer = api.get("/nothing")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["instance"] == "/counterflow/nothing"

    def test_should_answer_406_when_only_html_is_wanted(self, api: Api) -> None:
        assert api.get("/health/details", headers={"Accept": "text/html"}).status_code == 406
        assert api.get("/docs", headers={"Accept": "text/html,*/*;q=0.8"}).status_code == 200

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-16"]
    )
    def test_should_answer_415_when_the_body_is_not_json(self, api: Api, kind: str) -> None:
        assert api.post("/tasks", content=b"{}", headers={"Content-Type": kind}).status_code == 415

    @pytest.mark.parametrize("is_declared", [True, False])
    def test_should_answer_413_when_the_body_is_too_large(self, api: Api, is_declared: bool) -> None:
        body = b'"' + b"x" * 1_048_576 + b'"'
        content: Any = body if is_declared else iter([body[:500_000], body[500_000:]])
        answer = api.post("/tasks", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    def test_should_give_the_request_id_back_when_one_is_sent(self, api: Api) -> None:
        answer = api.get("/nothing", headers={"X-Request-Id": "abc-1"})
        assert (answer.headers["x-request-id"], answer.json()["request_id"]) == ("abc-1", "abc-1")
        made = api.get("/nothing", headers={"X-Request-Id": "has space"}).headers["x-request-id"]
        assert len(made) == 32

    def test_should_show_nothing_of_a_defect_when_one_happens(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise ModelError("secret detail")

        monkeypatch.setattr(InMemoryOrchestrator, "find_runs", fail)
        answer = api.get("/tasks/x/status")
        body = answer.json()
        assert (answer.status_code, body["detail"]) == (500, "Internal server error")
        assert body["error"] == answer.headers["x-request-id"]
        assert "secret" not in answer.text
        assert body["error"] in caplog.text

    def test_should_refuse_websockets(self, api: Api) -> None:
        from starlette.websockets import WebSocketDisconnect

        with pytest.raises(WebSocketDisconnect), api.client.websocket_connect(PREFIX + "/tasks"):
            pass


class TestSystem:
    def test_should_be_healthy_when_both_stores_answer(self, api: Api) -> None:
        answer = api.get("/health", token=None)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    @pytest.mark.parametrize("lost", ["DATABASE_URL", "CLICKHOUSE_URL"])
    def test_should_be_down_when_a_store_is_gone(
        self, orchestrator: InMemoryOrchestrator, api_environ: dict[str, str], lost: str
    ) -> None:
        gone = {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "CLICKHOUSE_URL": "clickhouse://127.0.0.1:1/none",
        }
        api = Api(orchestrator, {**api_environ, lost: gone[lost]})
        answer = api.get("/health", token=None)
        details = api.get("/health/details")
        api.close()
        assert (answer.status_code, answer.json()) == (503, {"status": "down"})
        assert int(answer.headers["retry-after"]) > 0
        assert {part["state"] for part in details.json().values()} >= {"down", "ok"}

    def test_should_answer_503_without_details_when_postgresql_is_gone(
        self, orchestrator: InMemoryOrchestrator, api_environ: dict[str, str]
    ) -> None:
        api = Api(orchestrator, {**api_environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
        answer = api.get("/tasks/x/status")
        api.close()
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text

    def test_should_give_a_number_for_each_part(self, api: Api) -> None:
        parts = api.get("/health/details", token=VIEWER).json()
        assert set(parts) == {
            "postgresql", "clickhouse", "scheduler", "last_load", "quarantined_rows", "open_uploads",
            "inbox", "event_balances",
        }  # fmt: skip
        assert {part["state"] for part in parts.values()} == {"ok"}

    def test_should_show_the_routes_without_scripts(self, api: Api) -> None:
        answer = api.get("/docs")
        assert answer.headers["content-type"].startswith("text/html")
        assert "<script" not in answer.text
        assert "/conversions/bulk" in answer.text

    def test_should_list_every_code_in_the_document(self, api: Api) -> None:
        """H8."""
        paths = api.get("/openapi.json").json()["paths"]
        post = set(paths["/tasks"]["post"]["responses"])
        assert post >= {"200", "202", "400", "401", "403", "409", "413", "415", "422", "500", "503"}
        result = set(paths["/tasks/{task_id}/result"]["get"]["responses"])
        assert result >= {"200", "202", "401", "404", "409", "422", "500", "503"}
        assert {"404", "409"} <= set(paths["/conversions/bulk"]["post"]["responses"])

    def test_should_have_examples_in_the_document(self, api: Api) -> None:
        schemas = api.get("/openapi.json").json()["components"]["schemas"]
        for name in ("TaskBody", "BulkBody", "SingleBody", "TaskStatus", "TaskResult", "UploadView"):
            assert schemas[name]["examples"], name
        assert json.dumps(schemas["TaskBody"]["properties"]["token"]).count("writeOnly") == 1
