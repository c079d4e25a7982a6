from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from include.events.envelope.codes import CODES, WARNINGS
from include.events.envelope.sender import Sender
from include.events.envelope.verdicts import Accepted, Rejected
from tests.sent_events import (
    RECEIVED_AT,
    USER_ID,
    accepted,
    activity,
    device,
    envelope,
    fields_of,
    judge,
    learning,
    project_rules,
)

STRICT = project_rules("strict")
STUDENT = Sender("account:1", "server", only_user_id=USER_ID)
DEEP = {"a": {"b": {"c": {"d": {"e": {}}}}}}

# Each code at least once: the event, the rules and the sender it needs, and where the verdict points.
REFUSED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("not_object", 5, {}, ""),
    ("not_object", [learning()], {}, ""),
    ("not_object", None, {}, ""),
    ("not_object", device(attrs=["quantity"]), {}, "/attrs/0"),
    ("missing_field", learning(event_type=...), {}, "/event_type"),
    ("missing_field", learning(timestamp=None), {}, "/timestamp"),
    ("missing_field", envelope(occurred_at=...), {}, "/occurred_at"),
    ("no_subject", {}, {}, "/subject"),
    ("missing_field", envelope(scope={"type": "course"}), {}, "/scope/id"),
    ("missing_field", device(attrs=[{"value": 1}]), {}, "/attrs/0/name"),
    ("unknown_field", learning(colour="red"), {}, "/colour"),
    ("unknown_field", envelope(**{"a/b~c": 1}), {}, "/a~1b~0c"),
    ("unknown_field", envelope(subject={"email": "a@b.c"}), {}, "/subject/email"),
    ("unknown_field", envelope(scope={"type": "course", "id": "c", "name": "n"}), {}, "/scope/name"),
    ("unknown_field", device(attrs=[{"name": "quantity", "unit": "kg"}]), {}, "/attrs/0/unit"),
    ("unknown_field", device(project="default"), {}, "/project"),
    ("unknown_field", activity(event_name="a"), {}, "/event_name"),
    ("bad_type", learning(event_type=5), {}, "/event_type"),
    ("bad_type", learning(timestamp=1740996060), {}, "/timestamp"),
    ("bad_type", learning(payload=[]), {}, "/payload"),
    ("bad_type", learning(course_id=1.5), {}, "/course_id"),
    ("bad_type", envelope(subject="u"), {}, "/subject"),
    ("bad_type", envelope(scope=[]), {}, "/scope"),
    ("bad_type", envelope(scope={"type": 1, "id": "c"}), {}, "/scope/type"),
    ("bad_type", envelope(source=1), {}, "/source"),
    ("bad_type", envelope(project=1), {}, "/project"),
    ("bad_type", envelope(schema_version="1"), {}, "/schema_version"),
    ("bad_type", envelope(schema_version=True), {}, "/schema_version"),
    ("bad_type", envelope(sent_at=5), {}, "/sent_at"),
    ("bad_type", envelope(session_id=5), {}, "/session_id"),
    ("bad_type", envelope(context="ip"), {}, "/context"),
    ("bad_type", device(attrs="quantity"), {}, "/attrs"),
    ("bad_type", device(attrs=[{"name": 1}]), {}, "/attrs/0/name"),
    ("bad_type", device(attrs=[{"name": "quantity", "type": 1}]), {}, "/attrs/0/type"),
    ("bad_type", activity(ip_address=5), {}, "/ip_address"),
    ("bad_name", learning(event_type="..."), {}, "/event_type"),
    ("bad_name", device(event_name="a" * 101), {}, "/event_name"),
    ("bad_name", device(attrs=[{"name": "a"}, {"name": "a"}]), {}, "/attrs/1/name"),
    ("bad_time", learning(timestamp="2026-02-29T00:00:00Z"), {}, "/timestamp"),
    ("bad_time", device(occurred_at=""), {}, "/occurred_at"),
    ("bad_time", device(sent_at="soon"), {}, "/sent_at"),
    ("from_future", learning(timestamp="2026-03-03T12:10:00Z"), {}, "/timestamp"),
    ("too_old", learning(timestamp="2025-03-03T12:10:00Z"), {}, "/timestamp"),
    ("no_subject", learning(user_id=...), {}, "/user_id"),
    ("no_subject", device(user_code=..., attrs={}), {}, "/user_code"),
    ("no_subject", envelope(subject={}), {}, "/subject"),
    ("no_subject", envelope(subject=...), {}, "/subject"),
    ("unknown_event", learning(event_type="unheard of"), {"rules": STRICT}, "/event_type"),
    ("unknown_attr", learning(payload={"colour": 1}), {"rules": STRICT}, "/payload/colour"),
    ("unknown_attr", device(attrs=[{"name": "a/b~1c", "value": 1}]), {"rules": STRICT}, "/attrs/0/value"),
    ("unknown_attr", device(attrs=[{"name": "x", "value": 1}]), {"rules": STRICT}, "/attrs/0/value"),
    ("attr_type_mismatch", envelope(props={"quantity": "2"}), {}, "/props/quantity"),
    ("attr_type_mismatch", device(attrs=[{"name": "quantity", "value": 1.5}]), {}, "/attrs/0/value"),
    ("attr_type_mismatch", device(attrs=[{"name": "quantity", "type": "number", "value": 1}]), {}, "/attrs/0/type"),
    ("missing_attr", envelope(props={}), {}, "/props/quantity"),
    ("missing_attr", envelope(props={"quantity": None}), {}, "/props/quantity"),
    ("missing_attr", device(attrs=[]), {}, "/attrs"),
    ("enum_value", envelope(props={"quantity": 1, "size": "S"}), {}, "/props/size"),
    ("enum_value", envelope(source="mars"), {}, "/source"),
    ("enum_value", envelope(scope={"type": "planet", "id": "1"}), {}, "/scope/type"),
    ("enum_value", device(attrs=[{"name": "quantity", "type": "float"}]), {}, "/attrs/0/type"),
    ("attr_too_long", envelope(props={"product": "a" * 11, "quantity": 1}), {}, "/props/product"),
    ("out_of_range", envelope(props={"quantity": 2**63}), {}, "/props/quantity"),
    ("out_of_range", envelope(props={"quantity": 1, "price": float("inf")}), {}, "/props/price"),
    ("out_of_range", envelope(props={"quantity": 1, "price": 2**64}), {}, "/props/price"),
    ("out_of_range", envelope(props={"quantity": 1, "more": [{"x": -(2**63) - 1}]}), {}, "/props/more/0/x"),
    ("out_of_range", envelope(props={"quantity": 1, "more": float("-inf")}), {}, "/props/more"),
    (
        "out_of_range",
        device(attrs=[{"name": "quantity", "value": 1}, {"name": "x", "value": [10**30]}]),
        {},
        "/attrs/1/value/0",
    ),
    ("out_of_range", envelope(context={"x": float("inf")}), {}, "/context/x"),
    ("out_of_range", envelope(schema_version=2), {}, "/schema_version"),
    ("out_of_range", learning(user_id=10**30), {}, "/user_id"),
    ("too_many_props", learning(payload={str(number): 1 for number in range(201)}), {}, "/payload"),
    ("too_many_props", device(attrs=[{"name": str(number)} for number in range(201)]), {}, "/attrs"),
    ("props_too_deep", learning(payload={"x": [[[[[1]]]]]}), {}, "/payload/x/0/0/0/0"),
    ("props_too_deep", learning(payload=DEEP), {}, "/payload/a/b/c/d/e"),
    ("event_too_large", learning(payload={"x": "a" * 70_000}), {}, ""),
    ("event_too_large", learning(payload={"x": "a" * 40_000}), {}, "/payload"),
    ("event_too_large", device(context={"x": "a" * 9_000}), {}, "/context"),
    ("project_mismatch", envelope(project="other"), {}, "/project"),
    ("subject_forbidden", learning(user_id="another"), {"sender": STUDENT}, "/user_id"),
    ("label_forbidden", envelope(labels={"is_anomaly": True}), {}, "/labels"),
    ("bad_string", learning(user_id=""), {}, "/user_id"),
    ("bad_string", envelope(session_id="a" * 129), {}, "/session_id"),
    ("bad_string", learning(payload={"x": ["\ud800"]}), {}, "/payload/x/0"),
    ("bad_string", learning(payload={"x": "a\0"}), {}, "/payload/x"),
    ("bad_string", learning(payload={"\udfff": 1}), {}, "/payload"),
    ("bad_string", learning(**{"\ud800": 1}), {}, ""),
    ("bad_string", learning(event_type="a\ud800"), {}, "/event_type"),
    ("bad_string", learning(event_type="page\0view"), {}, "/event_type"),
]
ELSEWHERE = {"id_conflict"}  # only the store of ids can tell

WARNED: list[tuple[str, Any, dict[str, Any]]] = [
    ("naive_time", learning(timestamp="2026-03-03T11:59:00"), {}),
    ("naive_time", device(sent_at="2026-03-03T12:00:00"), {}),
    ("derived_id", learning(id=...), {}),
    ("no_id", device(event_id=..., occurred_at=...), {}),
    ("no_time", device(occurred_at=...), {}),
    ("no_time", activity(timestamp=...), {}),
    ("skew_corrected", learning(), {"sent_at": RECEIVED_AT.replace(minute=1)}),
    ("skew_out_of_range", learning(), {"sent_at": RECEIVED_AT.replace(year=2020)}),
    ("attr_without_value", device(attrs=[{"name": "quantity", "value": 1}, {"name": "size", "type": "enum"}]), {}),
    ("unknown_attr", envelope(props={"quantity": 1, "colour": "red"}), {}),
    ("unknown_event", learning(event_type="unheard of"), {}),
]


class TestCodes:
    @pytest.mark.parametrize(("code", "event", "how", "pointer"), REFUSED)
    def test_should_reject_one_event_and_keep_the_others_when_it_breaks_a_rule(
        self, code: str, event: Any, how: dict[str, Any], pointer: str
    ) -> None:
        good = learning(id="good")
        before, verdict, after = judge(good, event, good, **how)
        assert isinstance(before, Accepted)
        assert isinstance(verdict, Rejected)
        assert isinstance(after, Accepted)
        assert (verdict.position, verdict.code, verdict.pointer) == (1, code, f"/events/1{pointer}")
        assert verdict.message.endswith(CODES[code])
        assert verdict.message.isprintable()

    def test_should_know_an_event_for_every_code(self) -> None:
        assert {code for code, *_ in REFUSED} | ELSEWHERE == set(CODES)

    @pytest.mark.parametrize(("code", "event", "how"), WARNED)
    def test_should_accept_with_a_warning_when_something_is_odd(
        self, code: str, event: Any, how: dict[str, Any]
    ) -> None:
        verdict = accepted(event, **how)
        assert code in verdict.warnings
        assert verdict.warnings == tuple(sorted(set(verdict.warnings)))
        assert fields_of(verdict)["warnings"] == str(list(verdict.warnings)).replace(" ", "")

    def test_should_know_an_event_for_every_warning(self) -> None:
        assert {code for code, *_ in WARNED} == set(WARNINGS)


class TestDocs:
    """docs/events.md lists the codes with the very words that senders get to read."""

    @pytest.mark.parametrize(("heading", "codes"), [("Codes of rejected events", CODES), ("Warnings", WARNINGS)])
    def test_should_list_every_code_and_what_to_do(self, heading: str, codes: dict[str, str]) -> None:
        page = (Path(__file__).parents[4] / "docs" / "events.md").read_text()
        section = page.partition(f"### {heading}\n")[2].partition("\n#")[0]
        rows = re.findall(r"^\| `(\w+)` \|.*?([^|]+) \|$", section, re.MULTILINE)
        assert {code: text.strip() for code, text in rows} == codes
