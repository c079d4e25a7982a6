from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from include.errors import SourceRejected
from include.metrika.client.answers import refused_fields
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.client.session import MetrikaSession
from include.metrika.requests.own_requests import mark_loaded, plan_orders
from include.metrika_sandbox.behaviour.config import STORE_BYTES
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle
from tests.own_requests import DAY, FIELDS, ORDER, created, grow_old, open_rows, ordered, ready

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]


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
