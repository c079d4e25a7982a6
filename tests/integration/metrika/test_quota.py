from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from include.errors import QuotaExceeded
from include.metrika.client.quota import LOGS, RATES, StateQuotaGate, login_key
from include.metrika_sandbox.serving.server import SandboxHandle
from include.secret import Secret

ROOT = Path(__file__).parents[3]

HOLDER = """
import os, sys, time
from include.metrika.client.quota import StateQuotaGate
from include.secret import Secret
from include.state.engine import connect_state
gate = StateQuotaGate(connect_state(Secret(os.environ["STATE"])), "login", address=sys.argv[1])
with gate.slot():
    print("held", flush=True)
    time.sleep(60)
"""

HAMMER = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.secret import Secret
from include.settings import MetrikaSettings
from include.state.engine import connect_state
settings = MetrikaSettings(token=Secret("sandbox-token"), api_url=sys.argv[1])
gate = StateQuotaGate.for_settings(connect_state(Secret(os.environ["STATE"])), settings)
api = LogsApi(MetrikaSession(settings, gate))
with ThreadPoolExecutor(4) as pool:
    print(sum(len(found) >= 0 for found in pool.map(lambda _: api.list(101), range(int(sys.argv[2])))))
"""


def start(script: str, state_url: Secret, *arguments: str) -> subprocess.Popen[str]:
    environ = os.environ | {"STATE": state_url.value, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environ, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def gates(state: Engine, request: pytest.FixtureRequest) -> Iterator[list[StateQuotaGate]]:
    """Two gates of one login, as two processes would have them."""
    made = [StateQuotaGate(state, "login", address=request.node.name, slot_patience_seconds=0.2) for _ in range(2)]
    yield made
    for gate in made:
        gate.close()


class TestM5Slots:
    def test_should_refuse_a_fourth_request_when_three_are_in_flight(self, gates: list[StateQuotaGate]) -> None:
        first, second = gates
        with (
            first.slot(),
            second.slot(),
            second.slot(),
            pytest.raises(QuotaExceeded, match="parallel request"),
            first.slot(),
        ):
            pass

    def test_should_admit_the_next_when_one_has_ended(self, gates: list[StateQuotaGate]) -> None:
        first, second = gates
        admitted = []
        with first.slot(), second.slot():
            with second.slot():
                admitted.append("second")
            with first.slot():
                admitted.append("first")
        assert admitted == ["second", "first"]

    def test_should_keep_logins_apart_when_tokens_differ(self, state: Engine, gates: list[StateQuotaGate]) -> None:
        other = StateQuotaGate(state, "other", address="apart", slot_patience_seconds=0.2)
        admitted = []
        with gates[0].slot(), gates[0].slot(), gates[0].slot(), other.slot():
            admitted.append("other")
        other.close()
        assert admitted == ["other"]

    def test_should_free_the_slot_when_its_process_is_killed(self, state: Engine, state_url: Secret) -> None:
        holders = [start(HOLDER, state_url, "killed") for _ in range(3)]
        gate = StateQuotaGate(state, "login", address="killed", slot_patience_seconds=5)
        try:
            assert [holder.stdout.readline() for holder in holders if holder.stdout] == ["held\n"] * 3
            holders[0].kill()
            with gate.slot():
                pass
        finally:
            for holder in holders:
                holder.kill()
                holder.communicate()
            gate.close()

    def test_should_notice_the_end_when_waiting_for_a_parallel_request(self, gates: list[StateQuotaGate]) -> None:
        first, second = gates
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with first.slot():
                entered.set()
                leave.wait(10)

        holder = threading.Thread(target=hold)
        holder.start()
        assert entered.wait(10)
        threading.Timer(0.1, leave.set).start()
        second.wait_for_slot_end(30)
        holder.join()
        assert leave.is_set()

    def test_should_take_slots_of_its_own_when_forked(self, gates: list[StateQuotaGate]) -> None:
        gate = gates[0]
        with gate.slot():
            child = os.fork()
            if child == 0:
                with gate.slot(), gate.slot():
                    os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            with gates[1].slot(), gates[1].slot(), pytest.raises(QuotaExceeded), gates[1].slot():
                pass


class TestM5Rate:
    def test_should_never_pass_the_limit_in_any_second_when_requests_are_held_up(
        self, gates: list[StateQuotaGate]
    ) -> None:
        arrivals: list[float] = []
        delays = [0.0, 0.3, 0.0, 0.6, 0.1, 0.9]

        def worker(number: int) -> None:
            for turn in range(5):
                with gates[number % 2].rate(LOGS):
                    time.sleep(delays[(number + turn) % len(delays)])
                    arrivals.append(time.monotonic())

        workers = [threading.Thread(target=worker, args=(number,)) for number in range(8)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        arrivals.sort()
        fullest = max(sum(at <= other < at + 1 for other in arrivals) for at in arrivals)
        assert len(arrivals) == 40
        assert fullest <= RATES[LOGS]

    def test_should_give_no_key_away_when_the_token_is_named(self) -> None:
        assert "secret" not in login_key("secret")


class TestM5StrictSandbox:
    def test_should_never_get_a_quota_answer_when_processes_hammer(
        self, serve: Callable[..., SandboxHandle], state_url: Secret, state: Engine
    ) -> None:
        sandbox = serve()
        workers = [start(HAMMER, state_url, sandbox.url, "12") for _ in range(4)]
        done = [worker.communicate(timeout=120)[0].strip() for worker in workers]
        stats = sandbox.stats()
        assert done == ["12"] * 4
        assert stats["requests"] == {"GET logrequests": 48}
        assert json.dumps(stats["quota_refusals"]) == "{}"
        assert stats["most_in_flight"]["sandbox"] <= 3
