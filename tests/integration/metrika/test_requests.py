from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update

from include.days import utc_now
from include.errors import SourceRejected, SourceRequestFailed, SourceUnavailable
from include.metrika.answers import refused_fields
from include.metrika.fields import VISIT_FIELDS
from include.metrika.logs_api import LogOrder, LogsApi
from include.metrika.order_rows import OwnRequest
from include.metrika.requests import (
    ensure_request,
    mark_loaded,
    plan_orders,
    refresh,
    release,
    release_stale,
    wait_processed,
)  # fmt: skip
from include.metrika.session import MetrikaSession
from include.metrika_sandbox.config import STORE_BYTES, CounterConfig
from include.metrika_sandbox.faults import Faults
from include.metrika_sandbox.server import SandboxHandle
from include.settings import MetrikaSettings, Secret
from include.state.tables import log_requests

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]
ROOT = Path(__file__).parents[3]
DAY = dt.date(2026, 11, 10)
FIELDS = tuple(field.api_name for field in VISIT_FIELDS)
ORDER = LogOrder(101, "visits", DAY, DAY, FIELDS)
PATIENT = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.1, deadline_seconds=20)


@pytest.fixture(autouse=True)
def _empty_rows(state: Engine) -> Iterator[None]:
    yield
    with state.begin() as connection:
        connection.execute(delete(log_requests))


def created(sandbox: SandboxHandle) -> int:
    return int(sandbox.stats()["requests"].get("POST logrequests", 0))


def no_sleep(seconds: float) -> None:
    pass


def ordered(api: LogsApi, state: Engine, order: LogOrder = ORDER, run_id: str = "run1") -> OwnRequest:
    return ensure_request(api, state, order, run_id, sleep=no_sleep)


def ready(api: LogsApi, state: Engine, order: LogOrder = ORDER, run_id: str = "run1") -> OwnRequest:
    return wait_processed(api, state, ordered(api, state, order, run_id), PATIENT)


def open_rows(state: Engine) -> int:
    with state.connect() as connection:
        return len(connection.execute(select(log_requests).where(log_requests.c.released_at.is_(None))).all())


def grow_old(state: Engine, hours: float) -> None:
    with state.begin() as connection:
        connection.execute(update(log_requests).values(ordered_at=utc_now() - dt.timedelta(hours=hours)))


class TestM1PlanOrders:
    def test_should_keep_the_range_when_it_is_possible(self, serve: Serve, connect: Connect, state: Engine) -> None:
        order = LogOrder(101, "visits", DAY - dt.timedelta(days=6), DAY, FIELDS)
        assert plan_orders(LogsApi(connect(serve().url)), state, order) == (order,)

    def test_should_cover_every_day_once_when_the_store_is_nearly_full(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        order = LogOrder(101, "visits", DAY - dt.timedelta(days=6), DAY, FIELDS)
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        week_bytes = api.evaluate(order).expected_bytes or 0
        sandbox.set_faults(Faults(stored_bytes_preset=STORE_BYTES - week_bytes // 2))  # room for 3.5 days
        pieces = plan_orders(api, state, order)
        assert [(one.last_date - one.first_date).days + 1 for one in pieces] == [3, 3, 1]
        assert pieces[0].first_date == order.first_date
        assert all(
            after.first_date - before.last_date == dt.timedelta(days=1) for before, after in itertools.pairwise(pieces)
        )

    def test_should_cut_at_a_year_when_the_range_is_longer(self, serve: Serve, connect: Connect, state: Engine) -> None:
        order = LogOrder(101, "visits", dt.date(2024, 1, 1), dt.date(2025, 6, 30), FIELDS)
        pieces = plan_orders(LogsApi(connect(serve(visits_per_day=1).url)), state, order)
        assert [(one.first_date, one.last_date) for one in pieces] == [
            (dt.date(2024, 1, 1), dt.date(2024, 12, 30)),
            (dt.date(2024, 12, 31), dt.date(2025, 6, 30)),
        ]

    @pytest.mark.parametrize(("preset", "shown"), [(STORE_BYTES, "0"), (STORE_BYTES + 5_000_000, "-")])
    def test_should_fail_with_every_figure_when_there_is_no_room(
        self, serve: Serve, connect: Connect, state: Engine, preset: int, shown: str
    ) -> None:
        sandbox = serve(faults=Faults(stored_bytes_preset=preset))
        with pytest.raises(SourceRejected) as caught:
            plan_orders(LogsApi(connect(sandbox.url)), state, ORDER)
        message = str(caught.value)
        assert f"stored {preset:,} of at most 10,737,418,240 bytes" in message
        assert f"possible days {shown}" in message
        assert "expected " in message
        assert created(sandbox) == 0

    def test_should_free_own_leftovers_first_when_they_fill_the_store(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        ready(api, state)
        grow_old(state, hours=5)
        sandbox.set_faults(Faults(stored_bytes_preset=STORE_BYTES - sandbox.stored_bytes(101)))
        assert plan_orders(api, state, ORDER) == (ORDER,)
        assert open_rows(state) == 0

    def test_should_plan_when_undocumented_sizes_are_missing(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(faults=Faults(evaluate_bare=True)).url))
        assert plan_orders(api, state, ORDER) == (ORDER,)


class TestM7Waiting:
    def test_should_be_ready_when_metrika_retries_by_itself(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(faults=Faults(queue_path="awaiting_retry")).url))
        words: list[str] = []
        own = ordered(api, state)
        own = wait_processed(api, state, own, PATIENT, lambda message, done, total: words.append(message))
        assert own.is_ready
        assert any("awaiting_retry" in word for word in words)

    @pytest.mark.parametrize("word", ["processing_failed", "canceled", "cleaned_automatically_as_too_old"])
    def test_should_fail_with_the_word_and_order_anew_on_retry_when_it_ends_badly(
        self, serve: Serve, connect: Connect, state: Engine, word: str
    ) -> None:
        sandbox = serve(faults=Faults(queue_path=word, queue_path_count=1))
        api = LogsApi(connect(sandbox.url))
        with pytest.raises(SourceRequestFailed, match=word) as caught:
            ready(api, state)
        assert caught.value.retryable
        assert ready(api, state).is_ready
        assert created(sandbox) == 2

    def test_should_fail_when_someone_cleaned_it(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        api.clean(101, own.prepared.request_id)
        with pytest.raises(SourceRequestFailed, match="cleaned_by_user"):
            refresh(api, state, own)

    def test_should_name_the_word_at_the_deadline_when_nobody_knows_it(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(faults=Faults(queue_path="unknown")).url))
        impatient = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.05, deadline_seconds=1)
        with pytest.raises(SourceRequestFailed, match="'being_weighed', a word this program does not know"):
            wait_processed(api, state, ordered(api, state), impatient)

    def test_should_stop_at_the_deadline_when_the_queue_is_slow(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(queue_seconds=60).url))
        impatient = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.05, deadline_seconds=0.5)
        with pytest.raises(SourceUnavailable, match=r"still 'created' after 0\.5 s"):
            wait_processed(api, state, ordered(api, state), impatient)

    def test_should_poll_ever_more_rarely_when_it_takes_long(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(queue_seconds=60).url))
        pauses: list[float] = []

        def note(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 8:
                raise KeyboardInterrupt

        settings = MetrikaSettings(poll_seconds=10, poll_max_seconds=60)
        with pytest.raises(KeyboardInterrupt):
            wait_processed(api, state, ordered(api, state), settings, sleep=note)
        assert pauses == [10, 15, 22.5, 33.75, 50.625, 60, 60, 60]


class TestM8Resume:
    def test_should_find_its_own_again_when_the_task_is_retried(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        first = ordered(api, state)
        again = ready(api, state, run_id="run2")
        assert (again.order_id, again.request_id) == (first.order_id, first.request_id)
        assert created(sandbox) == 1

    @pytest.mark.parametrize("lost", [1, 2])
    def test_should_look_it_up_when_the_answer_was_lost(
        self, serve: Serve, connect: Connect, state: Engine, lost: int
    ) -> None:
        sandbox = serve(faults=Faults(lost_create_replies=lost))
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        assert own.is_ready
        assert created(sandbox) == 1
        assert len(api.list(101)) == 1

    def test_should_repeat_the_create_when_it_never_arrived(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=503, method="POST", times=2)
        api = LogsApi(connect(sandbox.url))
        assert ready(api, state).is_ready
        assert len(api.list(101)) == 1

    def test_should_give_up_and_go_on_later_when_every_create_is_lost(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=503, method="POST", times=3)
        api = LogsApi(connect(sandbox.url))
        with pytest.raises(SourceUnavailable, match="lost 3 orders"):
            ordered(api, state)
        assert ready(api, state).is_ready
        assert open_rows(state) == 1

    def test_should_never_take_a_foreign_request_when_it_matches_exactly(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(more_tokens={"foreign-token": "other"})
        foreign = LogsApi(connect(sandbox.url, token="foreign-token")).create(ORDER)
        own = ready(LogsApi(connect(sandbox.url)), state)
        assert own.request_id != foreign.request_id

    def test_should_take_only_what_matches_when_a_lost_answer_is_looked_up(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(more_tokens={"foreign-token": "other"})
        api, foreign = LogsApi(connect(sandbox.url)), LogsApi(connect(sandbox.url, token="foreign-token"))
        sandbox.fail_next("/logrequests", status=503, method="POST", times=3)
        with pytest.raises(SourceUnavailable):
            ordered(api, state)
        other = foreign.create(LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        assert ready(api, state).request_id != other.request_id

    def test_should_order_anew_when_the_stored_id_is_not_found(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        ordered(api, state)
        with state.begin() as connection:
            connection.execute(update(log_requests).values(request_id=1))
        assert ready(api, state, run_id="run2").is_ready
        assert created(sandbox) == 2

    def test_should_order_anew_and_free_the_old_when_it_was_left_for_hours(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        old = ready(api, state)
        grow_old(state, hours=7)
        new = ready(api, state, run_id="next day")
        assert new.request_id != old.request_id
        assert api.get(101, old.prepared.request_id).status == "cleaned_by_user"

    def test_should_keep_orders_apart_when_only_the_fields_differ(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        first = ordered(api, state)
        second = ordered(api, state, LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        assert first.request_id != second.request_id


CRASHING = """
import datetime as dt, os, sys
from include.metrika.logs_api import LogOrder, LogsApi
from include.metrika.quota import StateQuotaGate
from include.metrika.requests import ensure_request, mark_loaded, release, wait_processed
from include.metrika.session import MetrikaSession
from include.settings import MetrikaSettings, Secret
from include.state.engine import connect_state
settings = MetrikaSettings(token=Secret("sandbox-token"), api_url=sys.argv[1], poll_seconds=0.02)
state = connect_state(Secret(os.environ["STATE"]))
api = LogsApi(MetrikaSession(settings, StateQuotaGate.for_settings(state, settings)))
day = dt.date(2026, 11, 10)
order = LogOrder(101, "visits", day, day, tuple(sys.argv[2].split(",")))
own = wait_processed(api, state, ensure_request(api, state, order, sys.argv[3]), settings)
with api.open_part(own.prepared, 0) as stream:
    print(sum(map(len, stream.iter_raw())) > 0)
mark_loaded(state, own)
print(release(api, state, own))
"""

POINTS = {
    "request.ordered": 1,
    "request.answered": 1,
    "request.created": 1,
    "request.processed": 1,
    "request.loaded": 1,
    "request.cleaned": 2,  # nothing is left to be found again: a second export is right
    "request.released": 2,
}


class TestM8Crashes:
    @pytest.mark.parametrize(("point", "exports"), POINTS.items())
    def test_should_leave_nothing_behind_when_killed_and_run_again(
        self, serve: Serve, state: Engine, state_url: Secret, point: str, exports: int
    ) -> None:
        sandbox = serve()

        def run(run_id: str, failpoint: str) -> subprocess.CompletedProcess[str]:
            environ = os.environ | {"STATE": state_url.value, "PYTHONPATH": str(ROOT)}
            environ["COUNTERFLOW_FAILPOINT"] = failpoint
            command = [sys.executable, "-c", CRASHING, sandbox.url, ",".join(FIELDS), run_id]
            return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)

        killed = run("run1", point)
        again = run("run2", "")
        assert killed.returncode == -signal.SIGKILL
        assert (again.returncode, again.stdout) == (0, "True\nTrue\n"), again.stderr
        assert created(sandbox) == exports
        assert (sandbox.stored_bytes(101), open_rows(state)) == (0, 0)


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


class TestFullStoreOnCreate:
    def test_should_free_own_leftovers_and_order_when_the_create_is_refused(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        mark_loaded(state, ready(api, state, LogOrder(101, "visits", DAY, DAY, FIELDS[:-1])))
        sandbox.set_faults(Faults(stored_bytes_preset=STORE_BYTES - sandbox.stored_bytes(101)))
        assert ordered(api, state).request_id is not None

    def test_should_fail_with_the_figures_when_others_fill_the_store(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(faults=Faults(stored_bytes_preset=STORE_BYTES))
        with pytest.raises(SourceRejected, match="stored 10,737,418,240 of at most"):
            ordered(LogsApi(connect(sandbox.url)), state)
        assert open_rows(state) == 0

    def test_should_keep_the_refusal_when_the_store_has_room(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=400, error_type="filter_limits", method="POST")
        with pytest.raises(SourceRejected, match="400 filter_limits"):
            ordered(LogsApi(connect(sandbox.url)), state)
        assert open_rows(state) == 0

    def test_should_not_look_for_room_when_the_token_is_refused(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=401, error_type="unauthorized", method="POST")
        with pytest.raises(SourceRejected, match="METRIKA_TOKEN"):
            ordered(LogsApi(connect(sandbox.url)), state)
        assert "GET logrequests/evaluate" not in sandbox.stats()["requests"]


class TestM12RefusedFields:
    def test_should_name_the_field_when_metrika_does_not_know_it(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(faults=Faults(pv_visit_id="refused"))
        fields = ("ym:pv:watchID", "ym:pv:visitID", "ym:pv:date")
        with pytest.raises(SourceRejected, match="Unknown field ym:pv:visitID for source hits") as caught:
            ordered(LogsApi(connect(sandbox.url)), state, LogOrder(101, "hits", DAY, DAY, fields))
        assert refused_fields(caught.value, fields) == ("ym:pv:visitID",)
        assert open_rows(state) == 0
