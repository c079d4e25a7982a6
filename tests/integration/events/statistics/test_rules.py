"""Each rule of statistics on a handful of events, against the real engine (P5 and the table of the domain)."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.errors import StoreUnavailable
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.statistics.answering import answer
from include.events.statistics.asking import Asked, ask
from include.warehouse.client import Warehouse
from tests.event_rows import NOON, Stored, event_schema, project_rules, store
from tests.integration.events.statistics.conftest import Asking

BOUGHT = event_schema(("product_name", "string"), ("quantity", "integer"))
numbers = itertools.count()


@pytest.fixture
def project() -> str:
    return f"shop-{next(numbers)}"


def stored(warehouse: Warehouse, project: str, *rows: tuple[str, dict[str, Any]], **facts: Any) -> None:
    store(warehouse, [Stored(props, user, project, **facts) for user, props in rows])


class TestSeedForm:
    def test_should_give_the_array_of_the_seed_when_nothing_is_said(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(
            warehouse,
            project,
            ("u1", {"product_name": "diode", "quantity": 200}),
            ("u1", {"product_name": "diode", "quantity": 35}),
            ("u1", {"product_name": "resistor", "quantity": 11}),
            ("u1", {"product_name": "transistor", "quantity": 14}),
        )
        found = asking(BOUGHT, project=project).wide()
        assert found == [{"user_code": "u1", "diode": 235, "transistor": 14, "resistor": 11}]

    def test_should_count_a_copy_once_when_an_event_came_twice(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        event = Stored({"product_name": "diode", "quantity": 2}, project=project, event_id=str(uuid.uuid4()))
        store(warehouse, [event])
        store(warehouse, [event])
        assert asking(BOUGHT, project=project).wide() == [{"user_code": "u1", "diode": 2}]

    def test_should_read_no_other_project_or_event(self, warehouse: Warehouse, asking: Asking, project: str) -> None:
        stored(warehouse, project + "x", ("u1", {"product_name": "diode", "quantity": 1}))
        stored(warehouse, project, ("u1", {"product_name": "diode", "quantity": 1}), event_name="seen")
        assert asking(BOUGHT, project=project).wide() == []


class TestDefaults:
    def test_should_count_events_when_there_is_no_number(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {"page": "a"}), ("u1", {"page": "a"}), ("u2", {"page": "b"}))
        found = asking(event_schema(("page", "string")), project=project).wide()
        assert found == [{"user_code": "u1", "a": 2, "b": 0}, {"user_code": "u2", "a": 0, "b": 1}]

    def test_should_give_one_column_when_there_is_no_text(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {"quantity": 2}), ("u1", {"quantity": 3}), ("u2", {}))
        found = asking(event_schema(("quantity", "integer")), project=project).wide()
        assert found == [{"user_code": "u1", "total": 5}, {"user_code": "u2", "total": 0}]

    def test_should_count_events_when_an_event_has_no_attributes(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {}), ("u1", {}))
        assert asking(event_schema(), project=project).wide() == [{"user_code": "u1", "total": 2}]

    def test_should_give_one_column_when_grouping_is_left_empty(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {"product_name": "a", "quantity": 2}), ("u1", {"product_name": "b"}))
        assert asking(BOUGHT, project=project, group_by="").wide() == [{"user_code": "u1", "total": 2}]

    def test_should_take_the_first_of_each_kind_when_there_are_several(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        kind = Attribute("kind", AttributeType.ENUM, values=("x", "y"))
        schema = event_schema(("is_new", "boolean"), kind, ("name", "string"), ("price", "number"), ("n", "integer"))
        stored(warehouse, project, ("u1", {"is_new": True, "kind": "x", "name": "z", "price": 1.5, "n": 7}))
        assert asking(schema, project=project).wide() == [{"user_code": "u1", "x": 1.5}]


class TestCells:
    @pytest.mark.parametrize(("agg", "empty"), [("sum", 0), ("count", 0), ("uniq", 0), ("avg", None), ("min", None)])
    def test_should_fill_a_cell_without_events_when_others_have_the_column(
        self, warehouse: Warehouse, asking: Asking, project: str, agg: str, empty: int | None
    ) -> None:
        stored(
            warehouse,
            project,
            ("u1", {"product_name": "a", "quantity": 1}),
            ("u2", {"product_name": "b", "quantity": 1}),
        )
        found = asking(BOUGHT, project=project, agg=agg).wide()
        assert (found[0]["b"], found[1]["a"]) == (empty, empty)

    @pytest.mark.parametrize(("agg", "empty"), [("sum", 0), ("uniq", 0), ("avg", None), ("max", None)])
    def test_should_say_the_same_when_events_have_no_value(
        self, warehouse: Warehouse, asking: Asking, project: str, agg: str, empty: int | None
    ) -> None:
        stored(warehouse, project, ("u1", {"product_name": "a"}), ("u1", {"product_name": "a", "quantity": None}))
        assert asking(BOUGHT, project=project, agg=agg).wide() == [{"user_code": "u1", "a": empty}]

    def test_should_count_events_with_a_value_when_one_is_named(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {"product_name": "a", "quantity": 1}), ("u1", {"product_name": "a"}))
        assert asking(BOUGHT, project=project, agg="count").wide()[0]["a"] == 2
        assert asking(BOUGHT, project=project, agg="count", value="quantity").wide()[0]["a"] == 1

    def test_should_stay_exact_when_integers_are_beyond_doubles(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        largest = 2**63 - 1
        stored(warehouse, project, *[("u1", {"product_name": "a", "quantity": largest})] * 3)
        stored(warehouse, project, ("u1", {"product_name": "b", "quantity": 2**53 + 1}))
        assert asking(BOUGHT, project=project).wide() == [{"user_code": "u1", "a": 3 * largest, "b": 2**53 + 1}]
        assert asking(BOUGHT, project=project, agg="min").wide()[0] == {"user_code": "u1", "a": largest, "b": 2**53 + 1}

    def test_should_stay_exact_when_integers_are_the_smallest(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(
            warehouse,
            project,
            ("u1", {"product_name": "a", "quantity": -(2**63)}),
            ("u1", {"product_name": "b", "quantity": 5}),
        )
        assert asking(BOUGHT, project=project, agg="min").wide() == [{"user_code": "u1", "a": -(2**63), "b": 5}]

    def test_should_give_doubles_to_the_last_bit_when_numbers_are_decimal(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        values = [0.1, 0.7, 123456.789, 1e-300, 4.35]
        schema = event_schema(("price", "number"))
        for place, value in enumerate(values):
            stored(warehouse, project, (f"u{place}", {"price": value}))
        assert [row["total"] for row in asking(schema, project=project, agg="max").wide()] == values

    def test_should_be_null_when_a_sum_leaves_the_doubles(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, *[("u1", {"price": 1e308})] * 5)
        assert asking(event_schema(("price", "number")), project=project).wide() == [{"user_code": "u1", "total": None}]


class TestColumns:
    def test_should_fold_the_rest_from_the_events_when_there_are_too_many(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        rows = [("a", 9), ("b", 1), ("b", 1), ("c", 4), ("d", 1)]
        stored(warehouse, project, *[("u1", {"product_name": name, "quantity": n}) for name, n in rows])
        found = asking(BOUGHT, project=project, agg="avg", top_k=1)
        assert found.columns == ("a", "__other__")
        assert found.wide() == [{"user_code": "u1", "a": 9.0, "__other__": 7 / 4}]

    def test_should_rank_by_size_whatever_the_sign_and_ties_by_name(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        rows = [("small", 1), ("minus", -50), ("b", 7), ("a", 7), ("ten", 10)]
        stored(warehouse, project, *[("u1", {"product_name": name, "quantity": n}) for name, n in rows])
        assert asking(BOUGHT, project=project).columns == ("minus", "ten", "a", "b", "small")

    def test_should_rank_over_all_people_when_a_page_is_cut(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(
            warehouse,
            project,
            ("u1", {"product_name": "a", "quantity": 2}),
            ("u2", {"product_name": "b", "quantity": 3}),
        )
        found = asking(BOUGHT, project=project, limit=1, top_k=1)
        assert found.wide() == [{"user_code": "u1", "b": 0, "__other__": 2}]

    def test_should_keep_all_names_apart_when_values_look_like_columns(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        names = ["user_code", "__other__", "__null__", "total", "~", "~total", "~~x", "", "plain", None]
        rows = [("u1", {"product_name": name, "quantity": 2**place}) for place, name in enumerate(names)]
        stored(warehouse, project, *rows)
        shown = ["~user_code", "~__other__", "~__null__", "~total", "~~", "~~total", "~~~x", "", "plain", "__null__"]
        expected = {"user_code": "u1", **{name: 2**place for place, name in enumerate(shown)}}
        assert asking(BOUGHT, project=project).wide() == [expected]

    def test_should_tell_folded_events_from_a_value_of_that_name(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        rows = [("__other__", 9), ("a", 2), ("b", 1)]
        stored(warehouse, project, *[("u1", {"product_name": name, "quantity": n}) for name, n in rows])
        assert asking(BOUGHT, project=project, top_k=1).wide() == [{"user_code": "u1", "~__other__": 9, "__other__": 3}]

    @pytest.mark.parametrize(
        ("kind", "values", "columns"),
        [
            ("integer", [5, -3], {"5", "-3"}),
            ("number", [1.5, 2], {"1.5", "2"}),
            ("boolean", [True, False], {"true", "false"}),
            (
                "datetime",
                ["2025-01-01T00:00:00Z", "2025-01-01T03:00:00+03:00"],
                {"2025-01-01T00:00:00Z", "2025-01-01T03:00:00+03:00"},
            ),
        ],
    )
    def test_should_name_columns_as_json_writes_them_when_the_group_is_no_text(
        self, warehouse: Warehouse, asking: Asking, project: str, kind: str, values: list[Any], columns: set[str]
    ) -> None:
        stored(warehouse, project, *[("u1", {"key": value}) for value in values])
        found = asking(event_schema(("key", kind)), project=project, group_by="key", agg="count")
        assert set(found.columns) == columns


class TestPeople:
    def test_should_put_nobody_last_when_events_have_no_user_code(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        for user in ("", "zed", "Ann", "ян", "10", "9"):
            stored(warehouse, project, (user, {"quantity": 1}))
        found = asking(event_schema(("quantity", "integer")), project=project)
        assert found.people == ("10", "9", "Ann", "zed", "ян", None)

    def test_should_cut_pages_that_add_up_when_there_are_many(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        schema = event_schema(("quantity", "integer"))
        stored(warehouse, project, *[(f"u{n:02}", {"quantity": n}) for n in range(7)], ("", {"quantity": 99}))
        whole = asking(schema, project=project)
        pages = [asking(schema, project=project, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
        assert [row for page in pages for row in page.wide()] == whole.wide()
        assert [(page.total, page.has_more) for page in pages] == [(8, True), (8, True), (8, False), (8, False)]

    def test_should_find_one_person_when_a_code_is_given(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        schema = event_schema(("quantity", "integer"))
        stored(warehouse, project, ("u1", {"quantity": 1}), ("u2", {"quantity": 2}), ("", {"quantity": 3}))
        assert asking(schema, project=project, user_code="u2").wide() == [{"user_code": "u2", "total": 2}]
        assert asking(schema, project=project, user_code="").wide() == []

    def test_should_name_people_by_another_identity_when_asked(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("", {"quantity": 4}), identities={"user_id": "learner-1"})
        schema = event_schema(("quantity", "integer"))
        assert asking(schema, project=project).wide() == [{"user_code": None, "total": 4}]
        assert asking(schema, project=project, identity="user_id").wide() == [{"user_code": "learner-1", "total": 4}]


class TestPeriod:
    def test_should_be_half_open_on_event_time(self, warehouse: Warehouse, asking: Asking, project: str) -> None:
        moments = [NOON + dt.timedelta(milliseconds=offset) for offset in (-1, 0, 999, 1000)]
        for place, moment in enumerate(moments):
            stored(warehouse, project, ("u1", {"quantity": 10**place}), event_time=moment)
        found = asking(
            event_schema(("quantity", "integer")),
            project=project,
            start="2025-07-01T12:00:00Z",
            end="2025-07-01T15:00:01 03:00",
        )
        assert found.wide() == [{"user_code": "u1", "total": 110}]

    @pytest.mark.parametrize("skew_hours", [24, -24])
    def test_should_find_an_event_whose_clock_was_corrected_by_a_whole_day(
        self, warehouse: Warehouse, asking: Asking, project: str, skew_hours: int
    ) -> None:
        occurred_at = NOON - dt.timedelta(hours=skew_hours)
        stored(warehouse, project, ("u1", {"quantity": 1}), event_time=NOON, occurred_at=occurred_at)
        found = asking(
            event_schema(("quantity", "integer")),
            project=project,
            start="2025-07-01T12:00:00Z",
            end="2025-07-01T12:00:00.001Z",
        )
        assert found.total == 1

    def test_should_begin_at_local_midnight_when_a_day_is_given(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        midnight = dt.datetime(2025, 6, 30, 21, tzinfo=dt.UTC)
        for place, seconds in enumerate((-1, 0, 86_399, 86_400)):
            moment = midnight + dt.timedelta(seconds=seconds)
            stored(warehouse, project, ("u1", {"quantity": 10**place}), event_time=moment)
        schema = event_schema(("quantity", "integer"))
        found = asking(schema, project=project, zone="Europe/Moscow", start="2025-07-01", end="2025-07-02")
        assert found.wide() == [{"user_code": "u1", "total": 110}]


class TestFilters:
    SCHEMA = event_schema(
        ("name", "string"),
        ("quantity", "integer"),
        ("price", "number"),
        ("is_new", "boolean"),
        ("at", "datetime"),
        Attribute("kind", AttributeType.ENUM, values=("x", "y")),
    )
    ROWS = (
        ("u1", {"name": "a", "quantity": 1, "price": 1.5, "is_new": True, "at": "2025-01-01T00:00:00Z", "kind": "x"}),
        (
            "u2",
            {"name": "b,c", "quantity": 2, "price": 2, "is_new": False, "at": "2025-01-01T05:00:00+03:00", "kind": "y"},
        ),
        ("u3", {"name": "", "quantity": 2**62}),
        ("u4", {}),
    )

    @pytest.mark.parametrize(
        ("filters", "people"),
        [
            (("name:eq:a",), "u1"),
            (("name:ne:a",), "u2 u3"),
            (("name:eq:",), "u3"),
            (("name:in:a,b",), "u1"),
            (('name:in:["a","b,c"]',), "u1 u2"),
            (("name:ge:b",), "u2"),
            (("name:exists:true",), "u1 u2 u3"),
            (("name:exists:false",), "u4"),
            (("kind:exists",), "u1 u2"),
            (("quantity:gt:1",), "u2 u3"),
            (("quantity:in:1,4611686018427387904",), "u1 u3"),
            (("quantity:eq:4611686018427387905",), ""),
            (("quantity:le:2.0",), "u1 u2"),
            (("price:lt:2",), "u1"),
            (("price:ge:2", "quantity:eq:2"), "u2"),
            (("is_new:eq:true",), "u1"),
            (("is_new:ne:true",), "u2"),
            (("at:gt:2025-01-01T00:00:00Z",), "u2"),
            (("at:eq:2025-01-01T02:00:00Z",), "u2"),
            (("kind:in:x,y",), "u1 u2"),
            (("user_code:in:u1,u4",), "u1 u4"),
            (("user_code:gt:u2",), "u3 u4"),
            (("user_code:exists:false",), ""),
            (("quantity:gt:1", "quantity:lt:3"), "u2"),
        ],
    )
    def test_should_keep_the_events_that_pass(
        self, warehouse: Warehouse, asking: Asking, project: str, filters: tuple[str, ...], people: str
    ) -> None:
        stored(warehouse, project, *self.ROWS)
        found = asking(self.SCHEMA, project=project, agg="count", filters=filters)
        assert list(found.people) == people.split()
        assert found.skipped_count == 0


class TestSkippedEvents:
    def test_should_leave_out_and_count_what_does_not_fit_the_type_of_today(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        kind = Attribute("kind", AttributeType.ENUM, values=("x",))
        schema = event_schema(Attribute("name", AttributeType.STRING, max_length=3), ("quantity", "integer"), kind)
        good = {"name": "abc", "quantity": 5, "kind": "x"}
        bad = [{"quantity": "5"}, {"quantity": 1.5}, {"quantity": True}, {"quantity": [1]}, {"quantity": {"a": 1}},
               {"name": 7}, {"name": "four"}, {"name": ["abc"]}]  # fmt: skip
        stored(warehouse, project, ("u1", good), *[("u2", {**good, **one}) for one in bad])
        stored(warehouse, project, ("u1", {**good, "kind": "z"}))
        found = asking(schema, project=project)
        assert found.wide() == [{"user_code": "u1", "abc": 10}]
        assert (found.skipped_count, found.total) == (len(bad), 1)

    def test_should_read_whole_doubles_as_integers(self, warehouse: Warehouse, asking: Asking, project: str) -> None:
        store(warehouse, [Stored('{"quantity":2.0}', project=project), Stored('{"quantity":1e3}', project=project)])
        assert asking(event_schema(("quantity", "integer")), project=project).wide()[0]["total"] == 1002

    def test_should_count_only_events_that_pass_the_other_filters(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        rows = [{"name": "a", "quantity": "bad"}, {"name": "b", "quantity": "bad"}, {"name": "b", "quantity": 3}]
        stored(warehouse, project, *[("u1", row) for row in rows])
        schema = event_schema(("name", "string"), ("quantity", "integer"))
        found = asking(schema, project=project, filters=("name:eq:b", "quantity:gt:0"))
        assert (found.wide(), found.skipped_count) == ([{"user_code": "u1", "b": 3}], 1)

    def test_should_count_them_too_when_nobody_is_left(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, ("u1", {"quantity": "bad"}))
        found = asking(event_schema(("quantity", "integer")), project=project)
        assert (found.wide(), found.total, found.skipped_count) == ([], 0, 1)


class TestForms:
    def test_should_hold_the_cells_with_events_only_when_long(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(
            warehouse,
            project,
            ("u1", {"product_name": "a", "quantity": 2}),
            ("u2", {"product_name": "b", "quantity": 1}),
        )
        assert asking(BOUGHT, project=project).long() == [
            {"user_code": "u1", "key": "a", "value": 2},
            {"user_code": "u2", "key": "b", "value": 1},
        ]


class TestHostileText:
    TEXTS = (
        "' OR 1=1 --",
        "'; DROP TABLE events; --",
        "\\' OR '1'='1",
        "%(project)s",
        "%s %% {x}",
        "a\nb\tc\r\b\f\v\a",
        "\\",
        '"',
        "`",
        "ёж🦔",
        "‮abc",
        "${jndi:x}",
        "</script>",
        "nul\\0",
        "\u200b",
        "x" * 1024,
    )

    def test_should_give_every_value_back_when_values_are_hostile(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        stored(warehouse, project, *[(text[:100], {"product_name": text, "quantity": 1}) for text in self.TEXTS])
        found = asking(BOUGHT, project=project, top_k=200)
        assert {row["key"] for row in found.long()} == set(self.TEXTS)
        assert set(found.people) == {text[:100] for text in self.TEXTS}

    @pytest.mark.shared_data
    def test_should_keep_all_naughty_strings_apart(
        self, warehouse: Warehouse, asking: Asking, project: str, shared_data: Callable[[str], Path]
    ) -> None:
        naughty = json.loads(shared_data("badinput/blns.json").read_text(encoding="utf-8"))
        texts = sorted({text for text in naughty if len(text) <= 1024})
        stored(warehouse, project, *[(text[:100], {"product_name": text, "quantity": 1}) for text in texts])
        found: set[str] = set()
        for offset in range(0, len(texts), 100):  # 100 people of a page have 100 values or a few more
            filters = (f"product_name:in:{json.dumps(texts[offset : offset + 100])}",)
            page = asking(BOUGHT, project=project, top_k=200, limit=1000, filters=filters)
            found |= {row["key"].removeprefix("~") for row in page.long()}
        assert found == {text.removeprefix("~") for text in texts}

    @pytest.mark.parametrize("text", TEXTS)
    def test_should_find_just_that_value_when_a_filter_is_hostile(
        self, warehouse: Warehouse, asking: Asking, project: str, text: str
    ) -> None:
        stored(warehouse, project, (text[:100], {"product_name": text}), ("other", {"product_name": "other"}))
        for filters in ((f"product_name:eq:{text}",), (f"product_name:in:{json.dumps([text])}",)):
            assert asking(BOUGHT, project=project, agg="count", filters=filters).people == (text[:100],)
        assert asking(BOUGHT, project=project, agg="count", user_code=text[:100]).people == (text[:100],)

    def test_should_read_the_attribute_itself_when_its_name_is_odd(
        self, warehouse: Warehouse, asking: Asking, project: str
    ) -> None:
        for name in ("a.b", "1", "-1", "user_code", "props", "r_a0", "имя"):
            schema = event_schema((name, "string"))
            stored(warehouse, project, ("u1", {name: "x", "a": {"b": "wrong"}}), event_name="bought")
            found = asking(schema, project=project, filters=() if name == "user_code" else (f"{name}:eq:x",))
            assert "x" in found.columns


class TestTimeLimit:
    def test_should_be_told_as_unavailable_when_the_time_is_over(self, warehouse: Warehouse, project: str) -> None:
        stored(warehouse, project, ("u1", {"quantity": 1}))
        hurried = Warehouse(replace(warehouse._settings, read_seconds=0.0))
        schema = event_schema(("quantity", "integer"))
        with pytest.raises(StoreUnavailable, match="CLICKHOUSE_TIMEOUT_SECONDS"):
            answer(hurried, "events", ask(project_rules(schema, project=project), schema, Asked()))

    def test_should_be_told_alike_when_the_server_stops_a_query(self, warehouse: Warehouse) -> None:
        slow = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"
        with pytest.raises(StoreUnavailable, match="CLICKHOUSE_TIMEOUT_SECONDS"):
            warehouse.execute(slow, settings={"max_execution_time": 0.2})
