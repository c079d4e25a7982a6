from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from include.errors import QuotaExceeded, SourceDataError, SourceUnavailable
from include.metrika.client.logs_api import LogOrder, LogPart, LogRequest, LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.fields.resolving import HIT_FIELDS, VISIT_FIELDS
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle
from include.secret import Secret
from include.settings import MetrikaSettings

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]
DAY = dt.date(2026, 11, 10)
FIELDS = tuple(field.api_name for field in VISIT_FIELDS)
ORDER = LogOrder(101, "visits", DAY, DAY, FIELDS)


def prepare(sandbox: SandboxHandle, api: LogsApi, order: LogOrder = ORDER) -> LogRequest:
    request = api.create(order)
    for _ in range(200):
        request = api.get(order.counter_id, request.request_id)
        if request.status == "processed":
            return request
    raise AssertionError("never processed")


class TestCounter:
    def test_should_tell_name_and_zone_when_asked(self, serve: Serve, connect: Connect) -> None:
        assert LogsApi(connect(serve().url)).counter(202).time_zone == "America/New_York"


class TestEvaluate:
    def test_should_read_every_key_when_all_are_there(self, serve: Serve, connect: Connect) -> None:
        found = LogsApi(connect(serve().url)).evaluate(ORDER)
        assert found.is_possible
        assert (found.stored_bytes, found.limit_bytes) == (0, 10_737_418_240)
        assert found.max_day_count == 10_737_418_240 // (found.expected_bytes or 1)

    def test_should_fall_back_when_undocumented_keys_are_missing(self, serve: Serve, connect: Connect) -> None:
        found = LogsApi(connect(serve(faults=Faults(evaluate_bare=True)).url)).evaluate(ORDER)
        assert (found.expected_bytes, found.stored_bytes, found.limit_bytes) == (None, None, 10_737_418_240)

    @pytest.mark.parametrize(("source", "fields"), [("visits", VISIT_FIELDS), ("hits", HIT_FIELDS)])
    def test_should_be_accepted_when_the_required_fields_are_asked(
        self, serve: Serve, connect: Connect, source: str, fields: tuple[Any, ...]
    ) -> None:
        order = LogOrder(101, source, DAY, DAY, tuple(field.api_name for field in fields))
        assert LogsApi(connect(serve().url)).evaluate(order).is_possible


class TestCreate:
    def test_should_put_everything_into_the_query_when_creating(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(200, '{"log_request": {"request_id": 5, "status": "created"}}'))
        LogsApi(connect(server.url)).create(ORDER)
        asked = server.seen[0]
        assert (asked["method"], asked["body"]) == ("POST", b"")
        assert "date1=2026-11-10&date2=2026-11-10&source=visits&fields=ym%3As%3AvisitID%2C" in asked["path"]

    def test_should_match_its_order_when_shown(self, serve: Serve, connect: Connect) -> None:
        api = LogsApi(connect(serve().url))
        created = api.create(ORDER)
        assert created.matches(ORDER)
        assert [one.request_id for one in api.list(101)] == [created.request_id]


class TestShapes:
    @pytest.mark.parametrize(
        "shape",
        [
            {"source": "visits", "date1": "2026-11-10", "date2": "2026-11-10", "fields": list(FIELDS)},
            {"source": ["visits"], "date1": "2026-11-10T00:00:00.000Z", "date2": "2026-11-10T00:00:00.000Z",
             "fields": list(FIELDS), "parts": None, "size": None},
            {"source": ["visits"], "date1": "2026-11-10", "date2": "2026-11-10", "fields": ",".join(FIELDS),
             "parts": [], "attribution": "LASTSIGN", "unheard_of": {}},
        ],
    )  # fmt: skip
    def test_should_read_the_same_request_when_the_shape_differs(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect, shape: dict[str, Any]
    ) -> None:
        body = {"log_request": {"request_id": 7, "counter_id": 101, "status": "created", "size": 0} | shape}
        api = LogsApi(connect(scripted(script_answer(200, json.dumps(body))).url))
        found = api.get(101, 7)
        assert found.matches(ORDER)
        assert (found.request_id, found.parts, found.size_bytes) == (7, (), 0)

    def test_should_read_a_list_source_when_the_sandbox_sends_one(self, serve: Serve, connect: Connect) -> None:
        api = LogsApi(connect(serve(faults=Faults(source_as_list=True)).url))
        assert api.create(ORDER).source == "visits"

    @pytest.mark.parametrize(("shape", "parts"), [("one", (LogPart(0, 0),)), ("empty", ()), ("absent", ())])
    def test_should_be_empty_when_the_day_is(
        self, serve: Serve, connect: Connect, shape: str, parts: tuple[LogPart, ...]
    ) -> None:
        sandbox = serve(faults=Faults(empty_parts=shape), empty_dates=frozenset({DAY}))
        request = prepare(sandbox, LogsApi(connect(sandbox.url)))
        assert (request.size_bytes, request.parts) == (0, parts)

    @pytest.mark.parametrize("body", ["{}", '{"log_request": null}', '{"log_request": {"status": "created"}}'])
    def test_should_fail_clearly_when_the_answer_is_useless(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect, body: str
    ) -> None:
        with pytest.raises(SourceDataError, match="lacks"):
            LogsApi(connect(scripted(script_answer(200, body)).url)).get(101, 7)


class TestOpenPart:
    @pytest.mark.parametrize(("accept_gzip", "encoding"), [(True, "gzip"), (False, "identity")])
    def test_should_give_undecoded_bytes_of_the_announced_size_when_read(
        self, serve: Serve, connect: Connect, accept_gzip: bool, encoding: str
    ) -> None:
        sandbox = serve(parts=2)
        api = LogsApi(connect(sandbox.url))
        request = prepare(sandbox, api)
        for part in request.parts:
            with api.open_part(request, part.number, accept_gzip=accept_gzip) as stream:
                raw = b"".join(stream.iter_raw())
            text = gzip.decompress(raw) if stream.encoding == "gzip" else raw
            header, _, rows = text.partition(b"\n")
            assert (stream.encoding, header.decode(), len(rows)) == (encoding, "\t".join(FIELDS), part.size_bytes)

    def test_should_say_unavailable_when_the_socket_is_dropped(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve(faults=Faults(dropped_socket="always"), visits_per_day=5000)
        api = LogsApi(connect(sandbox.url))
        request = prepare(sandbox, api)
        with (
            pytest.raises(SourceUnavailable, match="in the middle of a download"),
            api.open_part(request, 0) as stream,
        ):
            list(stream.iter_raw())

    def test_should_hold_parallel_requests_when_downloads_run(self, serve: Serve, state: Engine) -> None:
        sandbox = serve()
        settings = MetrikaSettings(token=Secret("sandbox-token"), api_url=sandbox.url)
        gate = StateQuotaGate(state, "downloads", address=sandbox.url, slot_patience_seconds=0.3)
        api = LogsApi(MetrikaSession(settings, gate))
        request = prepare(sandbox, api)
        with (
            api.open_part(request, 0),
            api.open_part(request, 0),
            api.open_part(request, 0),
            pytest.raises(QuotaExceeded, match="parallel request"),
        ):
            api.list(101)
        gate.close()

    def test_should_retry_the_opening_when_metrika_is_down_for_a_moment(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        request = prepare(sandbox, api)
        sandbox.fail_next("/download", status=503, times=2)
        with api.open_part(request, 0) as stream:
            assert sum(map(len, stream.iter_raw())) > 0
