from __future__ import annotations

import pytest

from include.events.envelope.lines import escaped
from tests.sent_events import accepted, envelope, fields_of, learning

ESCAPES = [
    ("plain", "plain"),
    ("a\\b", "a\\\\b"),
    ("\\N", "\\\\N"),
    ("a\tb", "a\\tb"),
    ("a\nb", "a\\nb"),
    ("a\rb", "a\\rb"),
    ("a\bb\fc\0d", "a\\bb\\fc\\0d"),
    ("é\u2028😀'\"", "é\u2028😀'\""),
]


class TestEscaped:
    @pytest.mark.parametrize(("text", "field"), ESCAPES)
    def test_should_leave_no_tab_and_no_line_end(self, text: str, field: str) -> None:
        assert escaped(text) == field


class TestLineWriter:
    def test_should_escape_every_text_when_it_has_backslashes(self) -> None:
        event = envelope(
            event_name="page\\view",
            subject={"user_id": "u\\1", "anonymous_id": "a\\1"},
            session_id="s\\1",
            scope={"type": "page", "id": "p\\1", "module_id": "m\\1"},
            props={"x": "a\\b"},
            context={"ip": '"\t'},
        )
        fields = fields_of(accepted(event))
        names = ("sent_name", "user_id", "anonymous_id", "session_id", "scope_id", "module_id")
        assert [fields[name] for name in names] == ["page\\\\view", *(f"{name}\\\\1" for name in "uaspm")]
        assert (fields["props"], fields["context"]) == ('{"x":"a\\\\\\\\b"}', '{"ip":"\\\\"\\\\t"}')

    @pytest.mark.parametrize("end", ["\t", "\n", "\r", "\r\n"])
    def test_should_stay_one_line_when_the_name_holds_another(self, end: str) -> None:
        verdict = accepted(learning(event_type=f"page{end}view{end}"))
        written = end.encode("unicode_escape").decode()
        assert fields_of(verdict)["sent_name"] == f"page{written}view{written}"
        assert verdict.event_name == "page_view"
