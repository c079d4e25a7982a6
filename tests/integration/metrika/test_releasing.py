from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, update

from include.errors import SourceRejected
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.client.session import MetrikaSession
from include.metrika.requests.own_requests import mark_loaded, refresh, release, release_stale, wait_processed
from include.metrika_sandbox.behaviour.config import CounterConfig
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle
from include.state.tables import log_requests
from tests.own_requests import DAY, FIELDS, ORDER, PATIENT, grow_old, open_rows, ordered, ready

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]


class TestM9Release:
    def test_should_free_the_store_when_processed(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = mark_loaded(state, ready(api, state))
        assert sandbox.stored_bytes(101) > 0
        assert release(api, state, own)
        assert (sandbox.stored_bytes(101), open_rows(state)) == (0, 0)

    def test_should_cancel_when_pending(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve(queue_seconds=60)
        api = LogsApi(connect(sandbox.url))
        own = ordered(api, state)
        assert release(api, state, own)
        assert [one.status for one in api.list(101)] == ["canceled"]

    def test_should_clean_when_it_was_finished_meanwhile(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        pending = ordered(api, state)
        wait_processed(api, state, pending, PATIENT)
        assert release(api, state, pending)  # our last look said created
        assert sandbox.stored_bytes(101) == 0

    def test_should_do_nothing_when_repeated(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        release(api, state, own)
        before = sandbox.stats()["requests"]
        assert release(api, state, own)
        assert sandbox.stats()["requests"] == before

    def test_should_find_and_free_it_when_its_answer_was_never_stored(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        ready(api, state)
        with state.begin() as connection:
            connection.execute(update(log_requests).values(request_id=None, status="ordered"))
        grow_old(state, hours=5)
        assert release_stale(api, state, 101, dt.timedelta(hours=4)) == 1
        assert sandbox.stored_bytes(101) == 0

    def test_should_leave_the_row_to_the_janitor_when_metrika_does_not_let_go(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(faults=Faults(queue_path="unknown"), queue_seconds=0)
        api = LogsApi(connect(sandbox.url))
        assert not release(api, state, refresh(api, state, ordered(api, state)))
        assert open_rows(state) == 1

    @pytest.mark.parametrize("path", ["/clean", "/logrequest/"])
    def test_should_be_free_when_metrika_does_not_know_it_any_more(
        self, serve: Serve, connect: Connect, state: Engine, path: str
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        sandbox.fail_next(path, status=404, error_type="not_found", times=1)
        assert release(api, state, replace(own, request=None) if path != "/clean" else own)
        assert open_rows(state) == 0

    def test_should_stay_open_and_raise_when_access_is_gone(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        sandbox.fail_next("/logrequest/", status=403, error_type="access_denied", times=2)
        with pytest.raises(SourceRejected, match="no access"):
            release(api, state, own)
        assert open_rows(state) == 1


class TestM9Janitor:
    def test_should_go_on_with_the_others_when_one_is_refused(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        ready(api, state)
        ready(api, state, LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        sandbox.fail_next("/logrequest/", status=403, error_type="access_denied", times=1)
        assert release_stale(api, state, 101, dt.timedelta(0)) == 1
        assert open_rows(state) == 1

    def test_should_free_only_dead_runs_when_others_are_at_work(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        dead = ready(api, state)
        grow_old(state, hours=5)
        alive = ready(api, state, LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        assert release_stale(api, state, 101, dt.timedelta(hours=4)) == 1
        assert api.get(101, dead.prepared.request_id).status == "cleaned_by_user"
        assert api.get(101, alive.prepared.request_id).status == "processed"

    def test_should_free_at_any_age_when_the_rows_are_stored(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        mark_loaded(state, ready(api, state))
        assert release_stale(api, state, 101, dt.timedelta(hours=4)) == 1
        assert sandbox.stored_bytes(101) == 0

    def test_should_never_touch_foreign_requests_when_cleaning(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(more_tokens={"foreign-token": "other"})
        foreign = LogsApi(connect(sandbox.url, token="foreign-token"))
        theirs = foreign.create(ORDER)
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        grow_old(state, hours=5)
        release_stale(api, state, 101, dt.timedelta(0))
        assert foreign.get(101, theirs.request_id).status == "processed"
        assert api.get(101, own.prepared.request_id).status == "cleaned_by_user"

    def test_should_stay_with_its_counter_when_there_are_others(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(counters=(CounterConfig(101), CounterConfig(202)))
        api = LogsApi(connect(sandbox.url))
        ready(api, state, LogOrder(202, "visits", DAY, DAY, FIELDS))
        assert release_stale(api, state, 101, dt.timedelta(0)) == 0
        assert release_stale(api, state, 202, dt.timedelta(0)) == 1
