"""X5: requests made from the OpenAPI document; no answer is a defect, and each is one the document names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.api_client import PREFIX, Api

EXAMPLES = 25
START_SECONDS = 20.0


@pytest.fixture
def served(api: Api) -> Iterator[str]:
    """The app behind a real socket; its address."""
    app = Starlette(routes=[Mount(PREFIX, api.app)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


class TestFuzz:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/tasks"),
            ("GET", "/tasks/{task_id}/status"),
            ("GET", "/tasks/{task_id}/result"),
            ("GET", "/tasks/{task_id}/conversions"),
            ("POST", "/conversions/bulk"),
            ("POST", "/conversions/single"),
            ("GET", "/conversions/{upload_id}/status"),
            ("GET", "/conversions/passport"),
            ("GET", "/models"),
            ("GET", "/models/{name}/history"),
            ("GET", "/models/{name}/versions/{version}"),
            ("GET", "/models/{name}/versions/{version}/plots/{plot}"),
            ("POST", "/models/{name}/promote"),
            ("POST", "/models/{name}/rollback"),
            ("GET", "/ui/models/{name}/{version}"),
            ("GET", "/health/details"),
        ],
    )
    def test_should_answer_as_documented_when_requests_are_random(
        self, api: Api, served: str, method: str, path: str
    ) -> None:
        document = api.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        headers = {"Authorization": f"Bearer {api.token}"}
        statuses = set()
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]

        @given(case=schema[path][method].as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case) -> None:
            statuses.add(case.call_and_validate(base_url=served + PREFIX, headers=headers, checks=checks).status_code)

        ask()
        assert statuses
        assert max(statuses) < 500
