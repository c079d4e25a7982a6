from __future__ import annotations

import pickle
from typing import Any

import pytest

from include.events.schemas.attributes import Attribute, AttributeType, attribute_from
from include.events.schemas.compiled import CheckedProps, EventSchema, Fault, pointer_to

SCHEMA = EventSchema(
    "number_of_product_views",
    "number_of_product_views-1",
    1,
    (
        Attribute("product_name", AttributeType.STRING, is_required=True),
        Attribute("quantity", AttributeType.INTEGER),
    ),
)


class TestModes:
    """The table of modes: rows strict and lenient."""

    UNKNOWN = {"product_name": "diode", "colour": "red", "size": {"w": 1}}  # noqa: RUF012

    def test_should_refuse_an_unknown_attribute_when_strict(self) -> None:
        fault = SCHEMA.check(self.UNKNOWN, is_strict=True).fault
        assert fault == Fault("unknown_attr", "/colour", "colour is no attribute of this event.")

    def test_should_keep_an_unknown_attribute_and_warn_once_when_lenient(self) -> None:
        assert SCHEMA.check(self.UNKNOWN, is_strict=False) == CheckedProps(self.UNKNOWN, ("unknown_attr",), None)

    @pytest.mark.parametrize("is_strict", [True, False])
    def test_should_refuse_when_a_required_attribute_is_missing(self, is_strict: bool) -> None:
        fault = SCHEMA.check({"quantity": 1}, is_strict=is_strict).fault
        assert fault == Fault("missing_attr", "/product_name", "product_name is required and missing.")

    @pytest.mark.parametrize("is_strict", [True, False])
    def test_should_refuse_a_wrong_type_in_either_mode(self, is_strict: bool) -> None:
        fault = SCHEMA.check({"product_name": "diode", "quantity": "2"}, is_strict=is_strict).fault
        assert fault == Fault("attr_type_mismatch", "/quantity", "quantity must be an integer.")

    @pytest.mark.parametrize("is_strict", [True, False])
    def test_should_drop_an_unknown_null_without_a_word(self, is_strict: bool) -> None:
        assert SCHEMA.check({"product_name": "d", "colour": None}, is_strict=is_strict) == (
            {"product_name": "d"},
            (),
            None,
        )


class TestCheck:
    def test_should_not_change_what_it_was_given(self) -> None:
        given: dict[str, Any] = {"product_name": "diode", "quantity": 1.0, "gone": None}
        SCHEMA.check(given, is_strict=False)
        assert given == {"product_name": "diode", "quantity": 1.0, "gone": None}

    def test_should_keep_the_order_sent(self) -> None:
        found = SCHEMA.check({"quantity": 2.0, "product_name": "diode"}, is_strict=True)
        assert list(found.props.items()) == [("quantity", 2), ("product_name", "diode")]

    def test_should_name_the_first_fault_in_the_order_sent(self) -> None:
        fault = SCHEMA.check({"quantity": "x", "product_name": 1}, is_strict=True).fault
        assert fault is not None
        assert fault.pointer == "/quantity"

    def test_should_take_anything_when_the_schema_has_no_attribute(self) -> None:
        assert EventSchema("e", "e-1", 1, ()).check({}, is_strict=True) == ({}, (), None)

    def test_should_cut_a_long_unknown_name_in_the_message(self) -> None:
        fault = SCHEMA.check({"product_name": "d", "x" * 5000: 1}, is_strict=True).fault
        assert fault is not None
        assert len(fault.message) < 120

    def test_should_know_the_type_of_each_attribute(self) -> None:
        assert SCHEMA.types == {"product_name": "string", "quantity": "integer"}

    def test_should_be_equal_when_it_says_the_same(self) -> None:
        again = EventSchema(SCHEMA.event_name, SCHEMA.event_code, 1, SCHEMA.attributes)
        assert (again, hash(again)) == (SCHEMA, hash(SCHEMA))


class TestPointerTo:
    @pytest.mark.parametrize(("name", "pointer"), [("a", "/a"), ("a/b", "/a~1b"), ("~1", "/~01"), ("", "/")])
    def test_should_escape_as_json_pointers_do(self, name: str, pointer: str) -> None:
        assert pointer_to(name) == pointer


class TestAttribute:
    @pytest.mark.parametrize(
        "attribute",
        [
            Attribute("a", AttributeType.STRING, True, max_length=5),
            Attribute("b", AttributeType.ENUM, values=("x", "y")),
            *(Attribute("c", kind) for kind in AttributeType if kind is not AttributeType.ENUM),
        ],
    )
    def test_should_come_back_from_its_record(self, attribute: Attribute) -> None:
        assert attribute_from(attribute.to_record()) == attribute

    def test_should_travel_between_processes(self) -> None:
        attribute = Attribute("a", AttributeType.INTEGER)
        assert pickle.loads(pickle.dumps(attribute)) == attribute
