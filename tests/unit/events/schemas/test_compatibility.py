"""P2: the compatibility matrix both ways, and that old events still fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compatibility import are_equal, find_conflicts, merge
from tests.random_schemas import attribute_lists, fitting_props, props, schema_of

T = AttributeType
Attributes = tuple[Attribute, ...]


def one(kind: AttributeType, **more: Any) -> Attribute:
    values = {"values": ("x", "y")} if kind is T.ENUM and "values" not in more else {}
    return Attribute("a", kind, **{**values, **more})


class TestMatrix:
    @pytest.mark.parametrize("new", T)
    @pytest.mark.parametrize("old", T)
    def test_should_widen_integer_to_number_and_nothing_else(self, old: AttributeType, new: AttributeType) -> None:
        is_compatible = not find_conflicts((one(old),), (one(new),))
        assert is_compatible == (old is new or (old, new) == (T.INTEGER, T.NUMBER))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ((), (one(T.STRING),)),
            ((one(T.INTEGER),), (one(T.NUMBER),)),
            ((one(T.INTEGER, is_required=True),), (one(T.NUMBER),)),
            ((one(T.STRING, is_required=True),), (one(T.STRING),)),
            ((one(T.ENUM),), (one(T.ENUM, values=("x", "y", "z")),)),
            ((one(T.STRING, max_length=5),), (one(T.STRING, max_length=6),)),
        ],
        ids=["optional attribute", "integer to number", "two at once", "required to optional", "values", "length"],
    )
    def test_should_be_compatible_one_way_only(self, old: Attributes, new: Attributes) -> None:
        assert (find_conflicts(old, new), list(find_conflicts(new, old))) == ({}, ["a"])

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ((), (one(T.STRING, is_required=True),), "a new attribute must be optional"),
            ((one(T.STRING),), (), "it is registered and may not be left out"),
            ((one(T.STRING),), (one(T.STRING, is_required=True),), "it is optional and cannot become required"),
            ((one(T.ENUM),), (one(T.ENUM, values=("x",)),), "its value 'y' may not be left out"),
            ((one(T.STRING),), (one(T.STRING, max_length=9),), "its max_length cannot shrink from 1024 to 9"),
            ((one(T.NUMBER),), (one(T.INTEGER),), "its type cannot change from number to integer"),
            ((one(T.ENUM),), (one(T.STRING),), "its type cannot change from enum to string"),
        ],
    )
    def test_should_say_why_not(self, old: Attributes, new: Attributes, reason: str) -> None:
        assert find_conflicts(old, new) == {"a": reason}

    def test_should_name_each_attribute(self) -> None:
        old = (one(T.STRING), Attribute("b", T.INTEGER))
        new = (one(T.INTEGER), Attribute("c", T.STRING, is_required=True))
        assert list(find_conflicts(old, new)) == ["a", "b", "c"]


class TestMerge:
    def test_should_keep_what_was_there_in_its_place(self) -> None:
        old = (Attribute("a", T.STRING), Attribute("b", T.ENUM, values=("x", "y")))
        new = (Attribute("c", T.STRING), Attribute("b", T.ENUM, values=("z", "y", "x")), Attribute("a", T.STRING))
        merged = merge(old, new)
        assert [(found.name, found.values) for found in merged] == [("a", ()), ("b", ("x", "y", "z")), ("c", ())]

    @given(st.data())
    def test_should_say_what_was_wanted(self, data: st.DataObject) -> None:
        old = data.draw(attribute_lists())
        new = _widened(data, old)
        assert are_equal(merge(old, new), new)


class TestProperties:
    @given(attribute_lists())
    def test_should_be_compatible_with_itself(self, attributes: Attributes) -> None:
        assert find_conflicts(attributes, attributes) == {}

    @given(attribute_lists(), st.randoms())
    def test_should_not_look_at_any_order(self, attributes: Attributes, random: Any) -> None:
        mixed = [replace(found, values=tuple(random.sample(found.values, len(found.values)))) for found in attributes]
        random.shuffle(mixed)
        assert are_equal(attributes, mixed)
        assert find_conflicts(attributes, mixed) == {}

    @given(st.data())
    def test_should_be_transitive(self, data: st.DataObject) -> None:
        first = data.draw(attribute_lists())
        second = _widened(data, first)
        third = _widened(data, second)
        assert (find_conflicts(first, second), find_conflicts(second, third)) == ({}, {})
        assert find_conflicts(first, third) == {}

    @given(attribute_lists(), attribute_lists())
    def test_should_go_one_way_only_unless_equal(self, old: Attributes, new: Attributes) -> None:
        is_both_ways = not find_conflicts(old, new) and not find_conflicts(new, old)
        assert is_both_ways == are_equal(old, new)

    @given(st.data())
    def test_should_never_refuse_what_was_taken_before_when_strict(self, data: st.DataObject) -> None:
        old = data.draw(attribute_lists())
        event = data.draw(fitting_props(old))
        before = schema_of(old).check(event, is_strict=True)
        assume(before.fault is None)
        after = schema_of(merge(old, _widened(data, old)), 2)
        assert after.check(event, is_strict=True).fault is None
        assert after.check(before.props, is_strict=True) == before  # what was stored can still be read

    @given(st.data())
    def test_should_only_look_at_new_attributes_when_lenient(self, data: st.DataObject) -> None:
        old = data.draw(attribute_lists())
        event = data.draw(st.one_of(fitting_props(old), props))
        assume(schema_of(old).check(event, is_strict=False).fault is None)
        new = _widened(data, old)
        fault = schema_of(new, 2).check(event, is_strict=False).fault
        added = {found.name for found in new} - {found.name for found in old}
        assert fault is None or fault.pointer.removeprefix("/") in added


def _widened(data: st.DataObject, attributes: Attributes) -> Attributes:
    """Some compatible change."""
    found = [data.draw(_wider(attribute)) for attribute in attributes]
    known = {attribute.name for attribute in attributes}
    added = [replace(new, is_required=False) for new in data.draw(attribute_lists()) if new.name not in known]
    return (*added, *found)


def _wider(attribute: Attribute) -> st.SearchStrategy[Attribute]:
    choices = [attribute, replace(attribute, is_required=False)]
    if attribute.type is T.INTEGER:
        choices.append(replace(attribute, type=T.NUMBER))
    if attribute.type is T.ENUM:
        choices.append(replace(attribute, values=(*attribute.values, "one more")))
    if attribute.type is T.STRING:
        choices.append(replace(attribute, max_length=attribute.max_length + 1))
    return st.sampled_from(choices)
