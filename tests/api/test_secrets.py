"""I17, X9: a planted token is in no answer, row, conf or log."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from sqlalchemy import Engine, text

from include.days import utc_now
from tests.api_client import Api
from tests.conversion_days import ScoredDay

PLANTED = "y0_PlantedTokenThatNobodyMaySee"


def every_row(state: Engine) -> str:
    with state.connect() as connection:
        names = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalars()
        return "".join(
            str(connection.execute(text(f'SELECT array_agg(t::text) FROM "{name}" t')).scalar()) for name in names.all()
        )


class TestPlantedToken:
    """I17: a planted token is found nowhere."""

    def test_should_show_up_nowhere_when_it_is_given_in_bodies(
        self, api: Api, day_task: str, scored: ScoredDay, state: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        now = (utc_now() - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        single = {"client_id": "77", "target": "leak", "date_time": now, "counter": 301}
        bodies = [
            ("/tasks", {"date": "2025-04-01", "counter": 301}),
            ("/tasks", {"date": "never", "counter": 301}),
            ("/tasks", {"date": "2025-04-02", "counter": 301, "unknown": PLANTED}),
            ("/tasks", {"date": "2025-04-03", "counter": "wrong"}),
            ("/tasks", {"date": "2025-04-04", "counter": 999_999_999}),
            ("/conversions/bulk", {"task_id": day_task}),
            ("/conversions/bulk", {"task_id": "nothing"}),
            ("/conversions/single", single),
            ("/conversions/single", {**single, "price": "x"}),
            ("/conversions/single", {**single, "token": [PLANTED]}),
        ]
        answers = [api.post(path, json={"token": PLANTED, **body}) for path, body in bodies]
        answers += [api.post("/tasks", json={"date": "2025-04-05", "token": PLANTED + " " + PLANTED})]
        answers += [
            api.post("/tasks", content=b'{"token": "' + PLANTED.encode(), headers={"Content-Type": "application/json"})
        ]
        answers += [api.get(f"/tasks/{order.run_id}/status") for order in api.orchestrator.orders]
        shown = "".join(answer.text + str(answer.headers) for answer in answers)
        logged = "".join(record.getMessage() + str(record.exc_text) for record in caplog.records)
        assert {answer.status_code for answer in answers} >= {200, 202, 400, 404, 422}
        assert PLANTED not in shown
        assert PLANTED not in logged
        assert PLANTED not in str([order.conf for order in api.orchestrator.orders])
        assert PLANTED not in every_row(state)

    def test_should_show_only_a_mask_when_the_app_is_printed(self, api: Api) -> None:
        assert "METRIKA" not in repr(api.app.state.context)
