"""I5: while PostgreSQL is stopped nothing is acknowledged; what was acknowledged before is there afterwards."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from include.services.stack import running_engines
from tests.api.events.conftest import Shop, event, shop_of
from tests.api_client import Api, InMemoryOrchestrator


class TestStoppedPostgres:
    def test_should_refuse_while_it_is_stopped_and_take_the_same_request_later(self) -> None:
        body, headers = [event(id=...)], {"Idempotency-Key": "k-1"}
        with tempfile.TemporaryDirectory(prefix="counterflow-outage-") as folder:
            os.chmod(folder, 0o755)
            local = Path(folder) / "local"
            with running_engines(local, {}) as endpoints:
                api = Api(InMemoryOrchestrator(), {**endpoints.environment(), "COUNTERFLOW_LOCAL_DIR": str(local)})
                shop = shop_of(api)
                assert shop.send([event()]).status_code == 202
            answer = shop.send(body, headers=headers)
            assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (503, True)
            api.close()
            with running_engines(local, {}) as endpoints:
                api = Api(InMemoryOrchestrator(), {**endpoints.environment(), "COUNTERFLOW_LOCAL_DIR": str(local)})
                later = Shop(api, shop.app_code, shop.key)
                assert later.stored() == 1
                again = later.send(body, headers=headers)
                assert (again.status_code, "idempotency-replayed" in again.headers, later.stored()) == (202, False, 2)
                api.close()
