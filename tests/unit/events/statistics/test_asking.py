"""From what a caller wrote to a question: defaults, types, bounds, pointers."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.statistics.asking import Asked, ask
from include.events.statistics.question import (
    RESERVED_COLUMNS,
    Aggregate,
    Comparison,
    Condition,
    Question,
    column_name,
)
from tests.event_rows import event_schema, project_rules

NAME, QUANTITY = Attribute("name", AttributeType.STRING), Attribute("quantity", AttributeType.INTEGER)
KIND = Attribute("kind", AttributeType.ENUM, values=("x", "y"))
SCHEMA = event_schema(QUANTITY, NAME, KIND, ("price", "number"), ("is_new", "boolean"), ("at", "datetime"))


def question(zone: str = "UTC", **parameters: Any) -> Question:
    return ask(project_rules(SCHEMA, zone=zone), SCHEMA, Asked(**parameters))


def refusal(**parameters: Any) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        question(**parameters)
    return caught.value.pointer, caught.value.code


class TestDefaults:
    def test_should_take_the_first_text_and_the_first_number(self) -> None:
        found = question()
        assert (found.group, found.value, found.aggregate) == (NAME, QUANTITY, Aggregate.SUM)
        assert (found.identity, found.top_count, found.limit, found.offset) == ("user_code", 50, 100, 0)

    def test_should_count_events_when_only_counting_is_asked(self) -> None:
        assert (question(agg="count").value, question(agg="count", value="name").value) == (None, NAME)

    def test_should_count_values_when_a_text_is_named_without_an_aggregate(self) -> None:
        assert question(value="name").aggregate is Aggregate.COUNT

    def test_should_refuse_an_aggregate_when_there_is_no_number_to_take(self) -> None:
        schema = event_schema(NAME)
        with pytest.raises(InputError, match="no integer or number"):
            ask(project_rules(schema), schema, Asked(agg="avg"))

    def test_should_allow_different_values_of_any_type(self) -> None:
        assert question(agg="uniq", value="is_new").aggregate is Aggregate.UNIQ

    @pytest.mark.parametrize("agg", ["sum", "avg", "min", "max"])
    @pytest.mark.parametrize("value", ["name", "kind", "is_new", "at"])
    def test_should_refuse_to_reckon_with_what_is_no_number(self, agg: str, value: str) -> None:
        assert refusal(agg=agg, value=value) == ("/value", "attr_type_mismatch")


class TestFilters:
    @pytest.mark.parametrize(
        ("text", "condition"),
        [
            ("name:eq:a:b", Condition(NAME, Comparison.EQ, "a:b")),
            ("name:eq:", Condition(NAME, Comparison.EQ, "")),
            ("quantity:in:1,-2", Condition(QUANTITY, Comparison.IN, (1, -2))),
            ("quantity:in:[1, -2]", Condition(QUANTITY, Comparison.IN, (1, -2))),
            ("quantity:eq:1e3", Condition(QUANTITY, Comparison.EQ, 1000)),
            ("kind:in:x,y", Condition(KIND, Comparison.IN, ("x", "y"))),
            ("name:exists", Condition(NAME, Comparison.EXISTS, True)),
            ("user_code:ne:u1", Condition(None, Comparison.NE, "u1")),
        ],
    )
    def test_should_be_typed(self, text: str, condition: Condition) -> None:
        assert question(filters=(text,)).conditions == (condition,)

    def test_should_compare_instants_as_milliseconds(self) -> None:
        (found,) = question(filters=("at:eq:1970-01-01T03:00:01.5+03:00",)).conditions
        assert found.value == 1500

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "bad_filter"), ("name", "bad_filter"), ("name:eq", "bad_filter"), ("name:like:a", "bad_filter"),
            ("other:eq:1", "unknown_attr"), (":eq:1", "unknown_attr"), ("kind:eq:z", "enum_value"),
            ("kind:lt:x", "attr_type_mismatch"), ("is_new:gt:true", "attr_type_mismatch"),
            ("is_new:eq:1", "attr_type_mismatch"), ("is_new:eq:True", "attr_type_mismatch"),
            ("quantity:eq:١", "attr_type_mismatch"), ("quantity:eq: 1", "attr_type_mismatch"),
            ("quantity:eq:1_000", "attr_type_mismatch"), ("quantity:eq:", "attr_type_mismatch"),
            ("quantity:eq:" + "9" * 39, "out_of_range"), ("quantity:eq:" + "9" * 5000, "attr_type_mismatch"),
            ("price:eq:nan", "attr_type_mismatch"), ("price:eq:inf", "attr_type_mismatch"),
            ("price:eq:1e999", "out_of_range"), ("at:eq:soon", "bad_time"), ("name:in:[", "bad_filter"),
            ("name:in:[[1]]", "bad_filter"), ("name:in:[]", "bad_filter"), ("name:in:[null]", "bad_filter"),
            ("name:in:" + ",".join("a" * 201), "bad_filter"), ("name:in:" + "[" * 5000, "bad_filter"),
            ("name:eq:\ud800", "bad_string"),
        ],
    )  # fmt: skip
    def test_should_be_refused_with_a_code(self, text: str, code: str) -> None:
        assert refusal(filters=("quantity:gt:0", text)) == ("/filter/1", code)

    def test_should_be_at_most_twenty(self) -> None:
        assert refusal(filters=("name:exists",) * 21) == ("/filter", "bad_filter")

    @given(st.text())
    def test_should_be_read_or_refused_whatever_is_written(self, text: str) -> None:
        for one in (text, f"quantity:in:{text}", f"price:eq:{text}", f"at:ge:{text}"):
            with contextlib.suppress(InputError):
                assert len(question(filters=(one,)).conditions) == 1


class TestPeriod:
    def test_should_begin_at_midnight_of_the_zone_when_a_day_is_given(self) -> None:
        found = question(zone="Europe/Moscow", start="2025-07-01", end="2025-07-02T00:00:00Z")
        assert found.start_at == dt.datetime(2025, 6, 30, 21, tzinfo=dt.UTC)
        assert found.end_at == dt.datetime(2025, 7, 2, tzinfo=dt.UTC)

    def test_should_have_23_hours_when_clocks_are_put_forward(self) -> None:
        found = question(zone="America/New_York", start="2025-03-09", end="2025-03-10")
        assert found.start_at is not None
        assert found.end_at is not None
        assert found.end_at - found.start_at == dt.timedelta(hours=23)

    def test_should_read_a_space_as_the_plus_of_an_offset(self) -> None:
        assert (
            question(start="2025-07-01T12:00:00.5 03:00").start_at == question(start="2025-07-01T09:00:00.5Z").start_at
        )

    @pytest.mark.parametrize(
        ("start", "end", "refused"),
        [
            ("2025-07-02", "2025-07-01", ("/to", "bad_period")),
            ("2025-07-01", "2025-07-01", ("/to", "bad_period")),
            ("1969-12-31", None, ("/from", "bad_time")),
            ("2101-01-01", None, ("/from", "bad_time")),
            (None, "2025-02-30", ("/to", "bad_time")),
            ("2025-07-01T24:00:00Z", None, ("/from", "bad_time")),
            ("2025-07-01T12:00:60Z", None, ("/from", "bad_time")),
            ("", None, ("/from", "bad_time")),
            ("2025-07-01T12:00:00\u00a003:00", None, ("/from", "bad_time")),
        ],
    )
    def test_should_be_refused_when_it_is_none(
        self, start: str | None, end: str | None, refused: tuple[str, str]
    ) -> None:
        assert refusal(start=start, end=end) == refused


class TestBounds:
    @pytest.mark.parametrize(
        ("parameter", "values"),
        [("top_k", (0, 201)), ("limit", (0, 1001)), ("offset", (-1, 2**31 + 1))],
    )
    def test_should_be_refused_outside(self, parameter: str, values: tuple[int, ...]) -> None:
        assert {refusal(**{parameter: value}) for value in values} == {(f"/{parameter}", "out_of_range")}


class TestColumnName:
    @given(st.lists(st.one_of(st.none(), st.text(), st.sampled_from(RESERVED_COLUMNS)), unique=True))
    def test_should_never_be_shared_by_two_values(self, values: list[str | None]) -> None:
        assert len({column_name(value) for value in values}) == len(values)

    @given(st.text())
    def test_should_never_be_one_of_the_reserved_names(self, value: str) -> None:
        assert column_name(value) not in RESERVED_COLUMNS
        assert column_name(value).removeprefix("~") in (value, value.removeprefix("~"))
