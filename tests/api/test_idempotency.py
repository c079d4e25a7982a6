from __future__ import annotations

import datetime as dt
import hashlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select, update

from include.api.gate.locks import try_lock
from include.days import utc_now
from include.state.tables import api_replays, api_tasks
from tests.api_client import OTHER, Api
from tests.conftest import PROJECT

_days = iter(dt.date(2024, 1, 1) + dt.timedelta(days=number) for number in range(300))


def body() -> dict[str, object]:
    return {"date": next(_days).isoformat(), "counter": 301}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


class TestIdempotencyKey:
    def test_should_replay_the_answer_when_the_key_comes_again(self, api: Api) -> None:
        key, asked = uuid4().hex, body()
        first = api.post("/tasks", json=asked, headers=keyed(key))
        again = api.post("/tasks", json=asked, headers=keyed(key))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert "idempotency-replayed" not in first.headers
        assert len(api.orchestrator.orders) == 1

    def test_should_replay_refusals_too(self, api: Api) -> None:
        key = uuid4().hex
        answers = [api.post("/tasks", json={"date": "x"}, headers=keyed(key)) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert answers[1].headers["idempotency-replayed"] == "true"

    def test_should_answer_422_when_the_body_is_another(self, api: Api) -> None:
        key = uuid4().hex
        api.post("/tasks", json=body(), headers=keyed(key))
        answer = api.post("/tasks", json=body(), headers=keyed(key))
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")

    def test_should_answer_409_when_the_first_is_still_running(self, api: Api, state: Engine) -> None:
        key = uuid4().hex
        seed = hashlib.sha256("\0".join(("airflow:erin", "POST", "/counterflow/tasks", key)).encode()).hexdigest()
        with try_lock(state, f"replay:{seed}") as is_held:
            answer = api.post("/tasks", json=body(), headers=keyed(key))
        assert is_held
        assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")

    def test_should_keep_callers_apart_when_they_use_the_same_key(self, api: Api) -> None:
        key, asked = uuid4().hex, body()
        api.post("/tasks", json=asked, headers=keyed(key))
        other = api.post("/tasks", json=asked, headers=keyed(key), token=OTHER)
        assert (other.status_code, "idempotency-replayed" in other.headers) == (200, False)

    def test_should_try_again_when_the_first_ended_with_503(self, api: Api) -> None:
        key, asked = uuid4().hex, body()
        api.orchestrator.is_reachable = False
        assert api.post("/tasks", json=asked, headers=keyed(key)).status_code == 503
        api.orchestrator.is_reachable = True
        assert api.post("/tasks", json=asked, headers=keyed(key)).status_code == 202

    def test_should_forget_the_key_when_a_day_has_passed(self, api: Api, state: Engine) -> None:
        key = uuid4().hex
        api.post("/tasks", json=body(), headers=keyed(key))
        with state.begin() as connection:
            old = utc_now() - dt.timedelta(hours=25)
            connection.execute(update(api_replays).where(api_replays.c.idempotency_key == key).values(created_at=old))
        assert api.post("/tasks", json=body(), headers=keyed(key)).status_code == 202

    @pytest.mark.parametrize("key", ["", "with space", "x" * 256])
    def test_should_answer_422_when_the_key_is_malformed(self, api: Api, key: str) -> None:
        answer = api.post("/tasks", json=body(), headers=keyed(key))
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_idempotency_key")

    def test_should_have_one_effect_when_eight_threads_send_it(self, api: Api) -> None:
        """X7."""
        key, asked = uuid4().hex, body()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: api.post("/tasks", json=asked, headers=keyed(key)), range(8)))
        assert {answer.status_code for answer in answers} <= {202, 409}
        assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
        assert len(api.orchestrator.orders) == 1

    def test_should_have_one_job_when_eight_threads_ask_without_a_key(self, api: Api) -> None:
        asked = body()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: api.post("/tasks", json=asked), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
        assert len({answer.json()["task_id"] for answer in answers}) == 1

    def test_should_serve_all_when_more_ask_at_once_than_there_are_connections(self, api: Api) -> None:
        bodies = [body() for _ in range(40)]
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda asked: api.post("/tasks", json=asked, headers=keyed(uuid4().hex)), bodies))
        assert {answer.status_code for answer in answers} == {202}


class TestLostAnswer:
    """H7: the process is killed after the work and before the answer."""

    @pytest.mark.parametrize("point", ["api.job_stored", "api.job_started"])
    def test_should_give_the_first_answer_when_the_retry_comes(
        self, api: Api, api_environ: dict[str, str], state: Engine, point: str
    ) -> None:
        key, asked = uuid4().hex, body()
        environ = {**os.environ, **api_environ, "COUNTERFLOW_FAILPOINT": point, "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-m", "tests.api_process", key, str(asked["date"])]
        killed = subprocess.run(command, env=environ, cwd=PROJECT, capture_output=True, timeout=60, check=False)
        query = select(api_tasks.c.task_id).where(api_tasks.c.parameters["date"].astext == asked["date"])
        with state.connect() as connection:
            promised = connection.execute(query).scalars().all()
        answer = api.post("/tasks", json=asked, headers=keyed(key))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (answer.status_code, [answer.json()["task_id"]]) == (202, promised)
        assert [order.run_id for order in api.orchestrator.orders] == promised
