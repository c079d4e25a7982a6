from __future__ import annotations

import pytest

from include.api.gate.documents import DEEPEST, parse_document
from include.api.gate.problems import Invalid, Refusal


class TestParseDocument:
    def test_should_give_the_document_when_it_is_plain(self) -> None:
        assert parse_document('{"a": [1, 2.5, "ж", null, true]}'.encode()) == {"a": [1, 2.5, "ж", None, True]}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b"{'a': 1}",
            b'{"a": 1,}',
            b'{"a": 1, "a": 2}',
            b'{"a": {"b": 1, "b": 1}}',
            b'{"a": NaN}',
            b"[Infinity, -Infinity]",
            b'"\\ud800"',
            b'{"\\udfff": 1}',
            b'"a\\u0000b"',
            b'"\xff"',
            b"\xef\xbb\xbf{}",
            b"[" * 100_000,
            b"1 2",
        ],
    )
    def test_should_refuse_when_it_is_not_what_this_api_takes(self, body: bytes) -> None:
        with pytest.raises(Refusal) as caught:
            parse_document(body)
        assert (caught.value.status, caught.value.code) == (400, "invalid_json")

    @pytest.mark.parametrize(("depth", "is_taken"), [(DEEPEST, True), (DEEPEST + 1, False)])
    def test_should_count_levels_when_it_is_nested(self, depth: int, is_taken: bool) -> None:
        body = b"[" * depth + b"]" * depth
        if is_taken:
            parse_document(body)
        else:
            with pytest.raises(Refusal, match="deeper than 32"):
                parse_document(body)

    def test_should_not_count_brackets_when_they_are_text(self) -> None:
        assert parse_document(b'"' + b"[" * 100 + b'"') == "[" * 100

    @pytest.mark.parametrize("number", [b"9223372036854775808", b"-9223372036854775809", b"1e400", b"9" * 5000])
    def test_should_say_where_when_a_number_is_out_of_range(self, number: bytes) -> None:
        with pytest.raises(Invalid) as caught:
            parse_document(b'{"a": [0, ' + number + b"]}")
        assert caught.value.faults[0]["loc"] == ["body", "a", 1]
        assert caught.value.faults[0]["type"] == "out_of_range"

    @pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
    def test_should_keep_numbers_exactly_when_they_fit(self, number: int) -> None:
        assert parse_document(str(number).encode()) == number
