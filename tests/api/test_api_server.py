"""The app inside a real Airflow: its login, its scheduler, its tasks."""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import jwt
import pytest
import requests

from include.days import utc_now
from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, CounterConfig, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.services.airflow.running import AirflowAccess, running_airflow
from include.services.stack import running_engines

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(900)]

COUNTER = 4242
DAY = utc_now().date() - dt.timedelta(days=9)  # far enough back that no scheduled run of this Airflow touches it
DAGS = ("metrika_logs", "visit_scoring", "conversion_upload")
BODY_TOKEN = "planted-" + DEMO_TOKEN  # a token that only the request body knows
PUBLIC = {
    ("get", "/health"), ("post", "/auth/register"), ("post", "/auth/signup"), ("post", "/auth/login"),
    ("post", "/auth/signin"), ("post", "/auth/refresh"),
}  # fmt: skip
TASK_SECONDS, POLL_SECONDS = 240.0, 1.0


@dataclass
class Server:
    """A running Airflow with the app in it."""

    access: AirflowAccess
    local_dir: Path
    sandbox: SandboxHandle

    def ask(self, method: str, path: str, *, is_known: bool = True, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.access.client().token().value}"} if is_known else {}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.access.api_url + path, headers=headers, timeout=30, **arguments)

    def wait(self, path: str, done: set[str]) -> dict[str, Any]:
        """Ask until the status is one of these; progress must not fall on the way."""
        deadline, seen = time.monotonic() + TASK_SECONDS, [0]
        while True:
            body: dict[str, Any] = self.ask("GET", path).json()
            seen.append(body.get("progress") or 0)
            if body["status"] in done or time.monotonic() > deadline:
                assert seen == sorted(seen)
                return body
            time.sleep(POLL_SECONDS)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    config = SandboxConfig(
        counters=(CounterConfig(COUNTER, "Europe/Moscow"),), visits_per_day=300, status_seconds=0.1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="counterflow-api-") as folder, run_sandbox(config) as sandbox:
        os.chmod(folder, 0o755)
        local_dir = Path(folder) / "local"
        environ = {
            **os.environ,
            "METRIKA_TOKEN": DEMO_TOKEN,
            "METRIKA_API_URL": sandbox.url,
            "METRIKA_COUNTER": str(COUNTER),
            "COUNTERFLOW_LOCAL_DIR": str(local_dir),
            "COUNTERFLOW_POKE_SECONDS": "1",
            "METRIKA_POLL_SECONDS": "0.2",
        }
        with (
            running_engines(local_dir, environ) as endpoints,
            running_airflow(local_dir, endpoints, environ, wanted_dags=DAGS) as access,
        ):
            yield Server(access, local_dir, sandbox)


def epoch_of(local: str) -> int:
    return int(dt.datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Moscow")).timestamp())


class TestApiServer:
    def test_should_refuse_every_route_when_nobody_is_known(self, server: Server) -> None:
        document = server.ask("GET", "/openapi.json").json()
        walked = {
            (method, path): server.ask(method, re.sub(r"\{\w+\}", "x", path), is_known=False).status_code
            for path, operations in document["paths"].items()
            for method in operations
        }
        walked["get", "/unknown"] = server.ask("GET", "/unknown", is_known=False).status_code
        assert walked["get", "/health"] == 200
        assert {route for route, status in walked.items() if status != 401} == PUBLIC

    def test_should_refuse_a_wrong_token(self, server: Server) -> None:
        answer = requests.get(server.access.api_url + "/docs", headers={"Authorization": "Bearer nonsense"}, timeout=30)
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        ("changes", "algorithm", "reading", "writing"),
        [
            ({}, "HS512", 200, 422),
            ({"sub": "vera", "role": "viewer"}, "HS512", 200, 403),
            ({"exp": 1_700_000_000}, "HS512", 401, 401),
            ({"aud": "someone-else"}, "HS512", 401, 401),
            ({}, "none", 401, 401),
            ({}, "HS256", 401, 401),
        ],
    )
    def test_should_decide_by_airflows_own_rules_when_tokens_differ(
        self, server: Server, changes: dict[str, Any], algorithm: str, reading: int, writing: int
    ) -> None:
        """X2: a viewer may read only; expired, foreign and unsigned tokens are nobody's."""
        own = jwt.decode(server.access.client().token().value, options={"verify_signature": False})
        secret = (server.local_dir / "airflow" / "jwt_secret").read_text().strip()
        claims = {**own, "jti": uuid4().hex, **changes}
        token = jwt.encode(claims, None if algorithm == "none" else secret, algorithm=algorithm)
        headers = {"Authorization": f"Bearer {token}"}
        read = requests.get(server.access.api_url + "/health/details", headers=headers, timeout=30)
        written = requests.post(server.access.api_url + "/tasks", headers=headers, json={}, timeout=30)
        assert (read.status_code, written.status_code) == (reading, writing)

    @pytest.mark.parametrize("name", ["Models", "Events"])
    def test_should_show_a_page_of_the_menu_when_a_browser_session_asks(self, server: Server, name: str) -> None:
        token = server.access.client().token().value
        with requests.Session() as session:
            session.trust_env = False
            session.cookies.set("_token", token)
            found = session.get(f"{server.access.ui_url.rstrip('/')}/api/v2/plugins", timeout=30).json()
            (plugin,) = [one for one in found["plugins"] if one["name"] == "counterflow"]
            (view,) = [one for one in plugin["external_views"] if one["name"] == name]
            page = session.get(
                server.access.api_url.removesuffix("/counterflow") + view["href"],
                headers={"Accept": "text/html"},
                timeout=30,
            )
        assert (view["destination"], view["url_route"]) == ("nav", f"counterflow-{name.lower()}")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f"<h1>{name}</h1>" in page.text
        assert page.headers.get("x-frame-options", "SAMEORIGIN") == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in page.headers["content-security-policy"]

    def test_should_take_a_day_from_logs_to_conversions(self, server: Server) -> None:
        asked = {"date": DAY.isoformat(), "counter": COUNTER, "token": DEMO_TOKEN}
        created = server.ask("POST", "/tasks", json=asked)
        assert created.status_code == 202, created.text
        task_id = created.json()["task_id"]
        status = server.wait(f"/tasks/{task_id}/status", {"done", "failed"})
        assert (status["status"], status["progress"]) == ("done", 100), status
        result = server.ask("GET", f"/tasks/{task_id}/result", params={"limit": 1000}).json()
        assert result["pagination"]["total"] == len(result["data"]) > 0
        upload = server.ask("POST", "/conversions/bulk", json={"task_id": task_id, "target": "4plus"})
        assert upload.status_code in (200, 202), upload.text
        upload_id = upload.json()["upload_id"]
        if upload.status_code == 202:
            final = server.wait(f"/conversions/{upload_id}/status", {"processed", "failed"})
            assert final["status"] == "processed", final
        sent = [
            (row["ClientId"], int(row["DateTime"])) for one in server.sandbox.uploads(COUNTER) for row in one["rows"]
        ]
        wanted = {(visit["clientId"], epoch_of(visit["dateTime"])) for visit in result["data"]}
        assert wanted <= set(sent)
        assert len(sent) == len(set(sent))

    def test_should_tell_the_error_of_the_task_when_a_run_fails(self, server: Server) -> None:
        asked = {"date": (DAY - dt.timedelta(days=1)).isoformat(), "counter": COUNTER, "token": BODY_TOKEN}
        task_id = server.ask("POST", "/tasks", json=asked).json()["task_id"]
        status = server.wait(f"/tasks/{task_id}/status", {"done", "failed"})
        assert status["status"] == "failed"
        assert "token" in status["error"].lower(), status
        assert BODY_TOKEN not in str(status)

    def test_should_leave_no_token_in_any_log(self, server: Server) -> None:
        """I17: files of the machine, Airflow's rows, answers."""
        files = [path for path in server.local_dir.rglob("*.log") if path.is_file()]
        found = [str(path) for path in files if BODY_TOKEN.encode() in path.read_bytes()]
        assert len(files) > 5
        assert found == []
