from __future__ import annotations

import json
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.envelope.canonical import canonical_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


def _read(text: str) -> bytes:
    return canonical_json(jiter.from_json(text.encode()))


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(item) for key, item in reversed(value.items())}
    return [_shuffled(item) for item in value] if isinstance(value, list) else value


class TestCanonicalJson:
    """E10: key order and the spelling of numbers do not change what is digested."""

    @pytest.mark.parametrize(
        ("texts", "written"),
        [
            (("1", "1.0", "1e0", "10e-1", "0.1E1", "1.000"), "1"),
            (("0", "-0", "0.0", "-0.0", "0e5"), "0"),
            (("10000000000000000", "1e16", "1E+16"), "10000000000000000"),
            (("9223372036854774784.0", "9223372036854774784"), "9223372036854774784"),
            (("-9223372036854775808", "-9223372036854775808.0"), "-9223372036854775808"),
            (("0.1", "1e-1", "0.10"), "0.1"),
            (("[1.0,2.0]", "[1, 2]"), "[1,2]"),
            (('{"a": 1.0}', '{ "\\u0061":1 }'), '{"a":1}'),
            (('{"b": 1, "a": {"d": 2, "c": 3}}', '{"a":{"c":3,"d":2},"b":1}'), '{"a":{"c":3,"d":2},"b":1}'),
            (('"\\u00e9\\ud83d\\ude00\\/"', '"é😀/"'), '"é😀/"'),
            (('"\\t\\n\\"\\\\"', '"\\u0009\\u000a\\u0022\\u005c"'), '"\\t\\n\\"\\\\"'),
        ],
    )
    def test_should_write_one_spelling_when_values_are_equal(self, texts: tuple[str, ...], written: str) -> None:
        assert {_read(text).decode() for text in texts} == {written}

    def test_should_sort_by_code_point_when_keys_are_of_any_script(self) -> None:
        assert canonical_json({"я": 1, "Z": 2, "😀": 3, "a": 4, "￿": 5}).decode() == (
            '{"Z":2,"a":4,"я":1,"￿":5,"😀":3}'
        )

    def test_should_keep_a_float_when_no_integer_of_64_bits_is_the_same(self) -> None:
        assert json.loads(canonical_json([2.0**63, -(2.0**64), 1e300])) == [2.0**63, -(2.0**64), 1e300]

    @pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400, float("inf"), float("-inf"), float("nan")])
    def test_should_point_at_the_number_when_no_store_holds_it(self, value: float) -> None:
        with pytest.raises(InputError) as caught:
            canonical_json({"a": [0, {"b/c": value}]}, "/props")
        assert (caught.value.code, caught.value.pointer) == ("out_of_range", "/props/a/1/b~1c")

    @pytest.mark.parametrize("value", ["\ud800", "a\udfff", "\0", "a\0b"])
    def test_should_point_at_the_text_when_no_store_holds_it(self, value: str) -> None:
        with pytest.raises(InputError) as caught:
            canonical_json({"a": [value]}, "/props")
        assert (caught.value.code, caught.value.pointer) == ("bad_string", "/props/a/0")

    @pytest.mark.parametrize("key", ["\ud800", "\0"])
    def test_should_point_at_the_object_when_no_store_holds_a_key(self, key: str) -> None:
        with pytest.raises(InputError) as caught:
            canonical_json({"a": {key: 1}}, "/props")
        assert (caught.value.code, caught.value.pointer) == ("bad_string", "/props/a")

    @given(VALUES)
    def test_should_say_the_same_when_read_back(self, value: Any) -> None:
        assert json.loads(canonical_json(value)) == value

    @given(VALUES)
    def test_should_be_the_same_when_keys_come_in_another_order(self, value: Any) -> None:
        assert canonical_json(_shuffled(value)) == canonical_json(value)

    @given(VALUES)
    def test_should_not_change_when_written_again(self, value: Any) -> None:
        written = canonical_json(value)
        assert canonical_json(jiter.from_json(written)) == written
