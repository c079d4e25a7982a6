from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.envelope.reading import read_event, read_events, read_json

NESTED = [
    ("lists", lambda levels: b"[" * levels + b"]" * levels),
    ("objects", lambda levels: b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)),
    ("with brackets in texts", lambda levels: b'["]]]\\"]",' * (levels - 1) + b"[]" + b"]" * (levels - 1)),
    ("side by side", lambda levels: b"[[1],[2,{}]," + b"[" * (levels - 1) + b"]" * levels),
]

INFINITE = float("inf")
BRACKETS = st.text(st.sampled_from('[]{}"\\\\,: a'), max_size=6)
ANY_JSON = st.recursive(
    BRACKETS | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BRACKETS, inner, max_size=3),
)


def _levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_levels, value.values()), default=0)
    return 1 + max(map(_levels, value), default=0) if isinstance(value, list) else 0


def _code(body: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_events(body)
    return caught.value.code


class TestReadJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b'{"a": 1, "a": 1}',
            b'{"a": {"b": 1, "\\u0062": 2}}',
            b"[NaN]",
            b"[Infinity]",
            b"[-Infinity]",
            b'["\\ud800"]',
            b'["\\udc00\\ud800"]',
            b'{"\\ud800": 1}',
            b'["\\u0000"]',
            b'["\\\\\\u0000"]',
            b'["a\x00"]',
            b'["\xff"]',
            b'["\xed\xa0\x80"]',
            b"\xef\xbb\xbf[]",
            "[]".encode("utf-16"),
            b"[1,]",
            b"[01]",
            b"[] []",
            b"['a']",
            b"[" * 100_000,
            b"[" + b"1" * 5_000 + b", NaN]",
            b"[" + b"1" * 5_000 + b", 0" + b"1" * 5_000 + b"]",
            b"[" + b"1" * 5_000 + b', {"a": 1, "a": 2}]',
            b"[" + b"1" * 5_000 + b"[" * 100_000,
        ],
    )
    def test_should_refuse_the_body_when_it_is_not_json_as_we_take_it(self, body: bytes) -> None:
        with pytest.raises(InputError) as caught:
            read_json(body)
        assert caught.value.code == "invalid_json"

    def test_should_keep_a_message_printable_when_keys_are_hostile(self) -> None:
        with pytest.raises(InputError) as caught:
            read_json(b'{"\\u202e\\n": 1, "\\u202e\\n": 1}')
        assert caught.value.message.isprintable()

    def test_should_keep_the_text_when_it_only_spells_an_escape(self) -> None:
        assert read_json(rb'["\\u0000", "\\\\u0000"]') == ["\\u0000", "\\\\u0000"]

    @pytest.mark.parametrize(("name", "make"), NESTED)
    def test_should_read_when_nested_32_levels(self, name: str, make: object) -> None:
        body = make(32)  # type: ignore[operator]
        assert read_json(body) == json.loads(body)

    @pytest.mark.parametrize(("name", "make"), NESTED)
    def test_should_refuse_when_nested_33_levels(self, name: str, make: object) -> None:
        with pytest.raises(InputError, match="32 levels"):
            read_json(make(33))  # type: ignore[operator]

    @given(ANY_JSON, st.integers(24, 34), st.booleans())
    def test_should_count_levels_right_when_texts_look_like_brackets(
        self, inner: Any, levels: int, is_ascii: bool
    ) -> None:
        for level in range(levels):
            inner = [inner, "]"] if level % 2 else {"{": "[", '\\"': inner, "}": 1}
        body = json.dumps(inner, ensure_ascii=is_ascii).encode()
        if _levels(inner) > 32:
            with pytest.raises(InputError, match="32 levels"):
                read_json(body)
        else:
            assert read_json(body) == inner

    def test_should_leave_hostile_numbers_to_the_rules_when_they_are_well_formed(self) -> None:
        assert read_json(b"[1e400, -1e400, 12345678901234567890]") == [INFINITE, -INFINITE, 12345678901234567890]

    def test_should_read_the_rest_exactly_when_numbers_have_thousands_of_digits(self) -> None:
        long = b"9" * 6_000
        text = rb"""\\ \" -""" + long + rb""" \\\" """ + long
        body = b'[%b, -%b, %b.5e-9, {"%b": "%b"}, 1, "%b"]' % (long, long, long, text, text, long)
        kept = json.loads(b'"' + text + b'"')
        assert read_json(body) == [INFINITE, -INFINITE, INFINITE, {kept: kept}, 1, long.decode()]

    @pytest.mark.parametrize("tail", [b".", b"e", b"e+", b".5.5", b"-1", b"x", b"]"])
    def test_should_refuse_the_body_when_a_number_of_thousands_of_digits_ends_badly(self, tail: bytes) -> None:
        with pytest.raises(InputError) as caught:
            read_json(b"[" + b"9" * 6_000 + tail + b"]")
        assert caught.value.code == "invalid_json"


class TestReadEvents:
    def test_should_read_both_forms_when_the_batch_is_fine(self) -> None:
        assert read_events(b'[{"id": "1"}]').events == read_events(b'{"events": [{"id": "1"}]}').events

    def test_should_point_at_the_list_when_the_batch_is_bare(self) -> None:
        assert (read_events(b"[1]").pointer, read_events(b'{"events": [1]}').pointer) == ("", "/events")

    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("2026-03-03T12:00:00.5+03:00", dt.datetime(2026, 3, 3, 9, 0, 0, 500_000, dt.UTC)),
            ("2026-03-03T12:00:00", dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)),
        ],
    )
    def test_should_read_when_it_was_sent(self, text: str, instant: dt.datetime) -> None:
        assert read_events(json.dumps({"sent_at": text, "events": [1]}).encode()).sent_at == instant

    def test_should_know_no_sending_when_it_is_null(self) -> None:
        assert read_events(b'{"sent_at": null, "events": [1]}').sent_at is None

    @pytest.mark.parametrize(
        ("body", "code", "pointer"),
        [
            (b"1", "bad_type", ""),
            (b'"a"', "bad_type", ""),
            (b"null", "bad_type", ""),
            (b"{}", "missing_field", "/events"),
            (b'{"events": null}', "bad_type", "/events"),
            (b'{"events": {}}', "bad_type", "/events"),
            (b'{"events": [1], "b/c": 1}', "unknown_field", "/b~1c"),
            (b'{"events": []}', "empty_batch", "/events"),
            (b"[]", "empty_batch", ""),
            (b'{"events": [1], "sent_at": 5}', "bad_type", "/sent_at"),
            (b'{"events": [1], "sent_at": "yesterday"}', "bad_time", "/sent_at"),
        ],
    )
    def test_should_say_where_when_the_batch_has_another_form(self, body: bytes, code: str, pointer: str) -> None:
        with pytest.raises(InputError) as caught:
            read_events(body)
        assert (caught.value.code, caught.value.pointer) == (code, pointer)

    def test_should_read_5000_events_when_they_are_as_many_as_may_be(self) -> None:
        assert len(read_events(b"[" + b"1," * 4_999 + b"1]").events) == 5_000

    def test_should_refuse_the_batch_when_it_has_5001_events(self) -> None:
        assert _code(b"[" + b"1," * 5_000 + b"1]") == "batch_too_large"


class TestReadEvent:
    def test_should_give_one_event_when_the_body_is_one(self) -> None:
        document = read_event(b'{"user_code": "u"}')
        assert (document.events, document.pointer) == ([{"user_code": "u"}], None)
