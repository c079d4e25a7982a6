from __future__ import annotations

import json
from typing import Any

import pytest

from include.errors import InputError
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.definitions import is_readable, read_definitions, require_distinct, wanted_events

SEED = '{"events": [{"name": "number of product views", "attrs": [{"name": "product_name", "type": "string"}]}]}'


def refused(document: Any) -> tuple[str, str]:
    with pytest.raises(InputError) as error:
        wanted_events(read_definitions(json.dumps(document)).events)
    return error.value.code, error.value.pointer


class TestReadDefinitions:
    def test_should_read_the_sample_of_the_seed(self) -> None:
        (event,) = wanted_events(read_definitions(SEED).events)
        assert (event.event_name, event.display_name) == ("number_of_product_views", "number of product views")
        assert event.attributes == (Attribute("product_name", AttributeType.STRING),)

    def test_should_join_blanks_of_the_shown_name(self) -> None:
        (event,) = wanted_events(read_definitions('[{"name": "  product \\t views\\n"}]').events)
        assert event.display_name == "product views"

    @pytest.mark.parametrize("name", ["a", "цена", "utm.source", "A-1_b", "9", "x" * 64, "数量"])
    def test_should_take_letters_and_digits_of_any_script_in_attribute_names(self, name: str) -> None:
        (event,) = wanted_events(read_definitions(json.dumps([{"name": "e", "attrs": [{"name": name, "type": "enum",
            "values": ["a"]}]}])).events)  # fmt: skip
        assert event.attributes[0].name == name

    @pytest.mark.parametrize(
        "name", ["", " ", "a b", "a/b", "a:b", "x" * 65, "é".encode().decode("latin-1") + "!", "a\n"]
    )
    def test_should_refuse_other_attribute_names(self, name: str) -> None:
        document = [{"name": "e", "attrs": [{"name": "ok", "type": "string"}, {"name": name, "type": "string"}]}]
        assert refused(document) == ("bad_name", "/events/0/attrs/1/name")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "invalid_json"),
            ("{", "invalid_json"),
            ("[" * 10**5, "invalid_json"),
            ('[{"name": "a", "name": "b"}]', "invalid_json"),
            ("3", "model_type"),
        ],
    )
    def test_should_say_when_a_file_holds_no_definitions(self, text: str, code: str) -> None:
        with pytest.raises(InputError) as error:
            read_definitions(text)
        assert error.value.code == code

    def test_should_never_show_what_was_wrong(self) -> None:
        with pytest.raises(InputError) as error:
            read_definitions('[{"name": "e", "attrs": [{"name": "a", "type": "my secret"}]}]')
        assert "secret" not in error.value.message


class TestWantedEvents:
    def test_should_refuse_an_attribute_twice(self) -> None:
        attrs = [{"name": "a", "type": "string"}, {"name": "A", "type": "string"}, {"name": "a", "type": "string"}]
        assert refused([{"name": "e", "attrs": attrs}]) == ("duplicate_attribute", "/events/0/attrs/2/name")

    def test_should_refuse_a_name_without_letters(self) -> None:
        assert refused([{"name": "e"}, {"name": "—"}]) == ("bad_name", "/events/1/name")


class TestRequireDistinct:
    def test_should_point_at_the_later_of_two(self) -> None:
        with pytest.raises(InputError) as error:
            require_distinct(["a", "b", "a"])
        assert (error.value.code, error.value.pointer) == ("duplicate_event", "/events/2/name")


class TestIsReadable:
    @pytest.mark.parametrize(
        ("text", "is_so"),
        [("", True), ("día 1", True), ("😀", True), ("\x00", False), ("\x7f", False), ("\ud83d", False)],
    )
    def test_should_refuse_control_characters_and_halves(self, text: str, is_so: bool) -> None:
        assert is_readable(text) == is_so
