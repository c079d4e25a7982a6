"""The route of statistics: who may ask, what is the same 404, forms, headers, refusals with a pointer (P4)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.services.processes.ports import choose_port
from include.warehouse.client import Warehouse
from tests.api_client import VIEWER, Api
from tests.event_rows import Stored, store

ATTRS = [{"name": "product_name", "type": "string"}, {"name": "quantity", "type": "integer"}]
Answer = Any


@dataclass
class Shop:
    """An app with one event and the token of its owner."""

    api: Api
    warehouse: Warehouse
    owner: str
    app_code: str
    event_code: str

    def store(self, *rows: tuple[str, Mapping[str, Any]]) -> None:
        store(
            self.warehouse,
            [Stored(props, user, self.app_code, "number_of_product_views") for user, props in rows],
        )

    def ask(self, query: str = "", *, token: str = "", **arguments: Any) -> Answer:
        return self.api.get(f"/apps/{self.app_code}/{self.event_code}{query}", token=token or self.owner, **arguments)

    def key(self, *scopes: str) -> str:
        body = {"scopes": list(scopes), "label": "test"}
        answer = self.api.post(f"/apps/{self.app_code}/keys", token=self.owner, json=body)
        assert answer.status_code == 201, answer.text
        return next(value for value in answer.json().values() if str(value).startswith("cfk_") and len(value) > 40)


@pytest.fixture
def new_account(api: Api) -> Callable[[], str]:
    def register() -> str:
        body = {"email": f"{uuid4().hex}@email.com", "password": "correct horse"}
        return str(api.post("/auth/register", token=None, json=body).json()["access_token"])

    return register


@pytest.fixture
def new_shop(api: Api, warehouse: Warehouse, new_account: Callable[[], str]) -> Callable[[], Shop]:
    def make() -> Shop:
        owner = new_account()
        app = api.post("/app/create", token=owner, json={"app_name": "electronic-shop"}).json()
        events = {"events": [{"name": "number of product views", "attrs": ATTRS}]}
        made = api.post(f"/app/create_event/{app['app_code']}", token=owner, json=events).json()
        return Shop(api, warehouse, owner, app["app_code"], made["event_code"])

    return make


@pytest.fixture
def shop(new_shop: Callable[[], Shop]) -> Shop:
    return new_shop()


class TestAnswer:
    def test_should_be_the_array_of_the_seed(self, shop: Shop) -> None:
        shop.store(
            ("u1", {"product_name": "diode", "quantity": 235}), ("u1", {"product_name": "resistor", "quantity": 11})
        )
        answer = shop.ask()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == [{"user_code": "u1", "diode": 235, "resistor": 11}]

    def test_should_be_empty_when_nothing_was_ever_loaded(self, shop: Shop) -> None:
        answer = shop.ask()
        assert (answer.json(), answer.headers["x-total-count"]) == ([], "0")

    def test_should_carry_paging_and_skipped_events_in_headers(self, shop: Shop) -> None:
        shop.store(*[(f"u{n}", {"quantity": n}) for n in range(3)], ("u9", {"quantity": "bad"}))
        headers = shop.ask("?limit=2").headers
        assert (headers["x-total-count"], headers["x-has-more"], headers["x-skipped-rows"]) == ("3", "true", "1")
        assert shop.ask("?limit=2&offset=2").headers["x-has-more"] == "false"

    def test_should_write_every_digit_when_integers_are_large(self, shop: Shop) -> None:
        shop.store(*[("u1", {"product_name": "a", "quantity": 2**63 - 1})] * 2)
        assert f'"a":{2 * (2**63 - 1)}' in shop.ask().text

    def test_should_take_all_parameters_at_once(self, shop: Shop) -> None:
        rows = [("a", 1), ("a", 5), ("b", 7), ("c", 9)]
        shop.store(*[("u1", {"product_name": name, "quantity": n}) for name, n in rows])
        query = (
            "?group_by=product_name&value=quantity&agg=max&from=2025-07-01&to=2025-07-02&filter=quantity:lt:9"
            "&filter=product_name:in:a,b&top_k=1&user_code=u1&identity=user_code&format=wide&limit=1&offset=0"
        )
        assert shop.ask(query).json() == [{"user_code": "u1", "b": 7, "__other__": 5}]

    def test_should_give_rows_when_long(self, shop: Shop) -> None:
        shop.store(("", {"product_name": "a", "quantity": 1}))
        assert shop.ask("?format=long").json() == [{"user_code": None, "key": "a", "value": 1}]

    @pytest.mark.parametrize(
        ("query", "accept"), [("?format=csv", "*/*"), ("", "text/csv"), ("?format=csv", "text/csv;q=0.9")]
    )
    def test_should_give_csv_when_wanted(self, shop: Shop, query: str, accept: str) -> None:
        shop.store(("u1", {"product_name": 'a,"b"\n', "quantity": 1}), ("", {"product_name": "c", "quantity": 2}))
        answer = shop.ask(query, headers={"Accept": accept})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(answer.text, newline="")))
        assert rows == [["user_code", "c", 'a,"b"\n'], ["u1", "0", "1"], ["", "2", "0"]]

    def test_should_give_long_csv_when_both_are_wanted(self, shop: Shop) -> None:
        shop.store(("u1", {"product_name": "a", "quantity": 1}))
        answer = shop.ask("?format=long", headers={"Accept": "text/csv"})
        assert answer.text == "user_code,key,value\r\nu1,a,1\r\n"


class TestCallers:
    def test_should_let_the_owner_an_operator_and_a_key_for_it_ask(self, shop: Shop) -> None:
        tokens = [shop.owner, VIEWER, shop.key("stats:read")]
        assert [shop.ask(token=token).status_code for token in tokens] == [200, 200, 200]

    def test_should_refuse_a_key_that_may_only_send(self, shop: Shop) -> None:
        answer = shop.ask(token=shop.key("ingest"))
        assert (answer.status_code, answer.json()["code"]) == (403, "key_scope")

    def test_should_refuse_a_key_of_another_app_whether_the_app_exists_or_not(
        self, new_shop: Callable[[], Shop], shop: Shop
    ) -> None:
        key = new_shop().key("stats:read")
        there = shop.ask(token=key)
        absent = shop.api.get(f"/apps/absent-{uuid4()}/{shop.event_code}", token=key)
        assert [(one.status_code, one.json()["code"]) for one in (there, absent)] == [(403, "key_app_mismatch")] * 2

    def test_should_refuse_nobody(self, shop: Shop) -> None:
        assert shop.api.get(f"/apps/{shop.app_code}/{shop.event_code}", token=None).status_code == 401


class TestNotThere:
    def test_should_answer_alike_when_anything_of_the_address_is_not_there(
        self, new_shop: Callable[[], Shop], shop: Shop
    ) -> None:
        other = new_shop()
        addresses = [
            (other.app_code, other.event_code),  # another's app
            (f"electronic-shop-{uuid4()}", shop.event_code),  # no such app
            (shop.app_code, other.event_code),  # an event of another app
            (shop.app_code, f"number_of_product_views-{uuid4()}"),  # no such event
            (shop.app_code, "number_of_product_views"),  # a name is no code
            (other.app_code, "schemas"),
            ("default", "page_view"),
            (shop.app_code, "%00"),
            ("%00", "%F0%9F%A6%94"),
        ]
        bodies = set()
        for app_code, event_code in addresses:
            answer = shop.api.get(f"/apps/{app_code}/{event_code}", token=shop.owner)
            body = {key: value for key, value in answer.json().items() if key not in ("instance", "request_id")}
            bodies.add((answer.status_code, json.dumps(body, sort_keys=True)))
        assert len(bodies) == 1
        assert bodies.pop()[0] == 404


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ("group_by=colour", "/group_by", "unknown_attr"),
            ("value=colour", "/value", "unknown_attr"),
            ("value=product_name&agg=sum", "/value", "attr_type_mismatch"),
            ("agg=median", "/agg", "bad_value"),
            ("from=yesterday", "/from", "bad_time"),
            ("from=2025-01-01T00:00:60Z", "/from", "bad_time"),
            ("from=2025-07-02&to=2025-07-02", "/to", "bad_period"),
            ("filter=quantity:gt", "/filter/0", "bad_filter"),
            ("filter=quantity:about:2", "/filter/0", "bad_filter"),
            ("filter=quantity:gt:1&filter=colour:eq:red", "/filter/1", "unknown_attr"),
            ("filter=quantity:gt:many", "/filter/0", "attr_type_mismatch"),
            ("filter=quantity:gt:1.5", "/filter/0", "attr_type_mismatch"),
            ("filter=quantity:gt:9223372036854775808", "/filter/0", "out_of_range"),
            ("filter=quantity:in:[1", "/filter/0", "bad_filter"),
            ("filter=quantity:exists:perhaps", "/filter/0", "attr_type_mismatch"),
            ("identity=email", "/identity", "bad_value"),
        ],
    )
    def test_should_point_at_the_parameter(self, shop: Shop, query: str, pointer: str, code: str) -> None:
        answer = shop.ask(f"?{query}")
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["pointer"], error["code"]) == (422, pointer, code)
        assert answer.json()["detail"][0]["loc"][0] == "query"

    @pytest.mark.parametrize(
        "query",
        ["top_k=0", "top_k=201", "limit=0", "limit=1001", "offset=-1", "format=xml", "colour=red", "agg=a&agg=b"],
    )
    def test_should_answer_422_when_a_parameter_is_out_of_bounds(self, shop: Shop, query: str) -> None:
        assert shop.ask(f"?{query}").status_code == 422

    def test_should_answer_503_when_clickhouse_is_away(self, shop: Shop) -> None:
        environ = {**shop.api.environ, "CLICKHOUSE_URL": f"clickhouse://127.0.0.1:{choose_port(1)}"}
        lonely = Api(shop.api.orchestrator, environ)
        try:
            answer = lonely.get(f"/apps/{shop.app_code}/{shop.event_code}", token=shop.owner)
        finally:
            lonely.close()
        assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (503, True)


class TestRandomParameters:
    NAMES = ("group_by", "value", "agg", "from", "to", "filter", "user_code", "identity", "format", "top_k", "limit")

    def test_should_answer_or_refuse_whatever_is_asked(self, shop: Shop) -> None:
        shop.store(("u1", {"product_name": "diode", "quantity": 2}), ("", {"product_name": "~", "quantity": "odd"}))
        usual = st.sampled_from(
            ["product_name", "quantity", "sum", "count", "uniq", "2025-07-01", "2025-07-02T00:00:00 03:00", "long",
             "csv", "user_id", "1", "200", "quantity:ge:1", "product_name:in:diode,~", "product_name:exists"]
        )  # fmt: skip
        statuses: set[int] = set()

        @settings(max_examples=150, deadline=None, database=None, derandomize=True)
        @given(st.dictionaries(st.sampled_from(self.NAMES), st.one_of(usual, usual, st.text(max_size=20)), max_size=4))
        def ask(query: dict[str, str]) -> None:
            answer = shop.ask(params=query)
            statuses.add(answer.status_code)
            assert answer.status_code in (200, 422), answer.text

        ask()
        assert statuses == {200, 422}
