"""X5: requests made from the OpenAPI document; no answer is a defect, and each is one the document names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.api.documented import operations, token_for, written_document
from tests.api_client import PREFIX, Api, InMemoryOrchestrator, bearer

EXAMPLES = 10
START_SECONDS = 20.0
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


SCHEMA = schemathesis.openapi.from_dict(written_document())


@dataclass(frozen=True)
class Served:
    """The app behind a real socket."""

    api: Api
    url: str
    app_code: str
    course_id: str


@pytest.fixture(scope="module")
def served(engine_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    environ = {**engine_environ, "COUNTERFLOW_LOCAL_DIR": str(tmp_path_factory.mktemp("fuzz"))}
    api = Api(InMemoryOrchestrator(), environ)
    app = Starlette(routes=[Mount(PREFIX, api.app)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        course_id = f"course {uuid4()}"
        assert api.put(f"/api/v1/courses/{course_id}", json={"timezone": "America/New_York"}).status_code == 200
        yield Served(api, f"http://127.0.0.1:{port}{PREFIX}", api.app_code(), course_id)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        api.close()


class TestFuzz:
    @pytest.mark.parametrize(("method", "path"), list(operations()))
    def test_should_answer_as_documented_when_requests_are_random(self, served: Served, method: str, path: str) -> None:
        headers, numbers, statuses = bearer(token_for(served.api, method, path, served.app_code)), count(), set()

        @given(case=SCHEMA[path][method].as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case) -> None:
            places = case.path_parameters or {}
            for name in ("app_code", "course_id"):
                if name in places and next(numbers) % 4:
                    places[name] = getattr(served, name)
            statuses.add(case.call_and_validate(base_url=served.url, headers=headers, checks=CHECKS).status_code)

        ask()
        assert statuses
        assert max(statuses) < 500
