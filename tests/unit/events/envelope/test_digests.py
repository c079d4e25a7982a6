from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.events.envelope.reading import read_events
from tests.sent_events import RECEIVED_AT, accepted, activity, device, envelope, judge, learning, project_rules

PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
PROPS = st.dictionaries(
    PLAIN_TEXT,
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN_TEXT
    | st.lists(st.integers(-9, 9), max_size=3),
    max_size=8,
)


def _digest(event: Any, **how: Any) -> bytes:
    return accepted(event, **how).content_sha256


def _read(text: str) -> bytes:
    return _digest(read_events(f"[{text}]".encode()).events[0])


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(item) for key, item in reversed(value.items())}
    return value


class TestDigestOf:
    @given(PROPS)
    def test_should_be_equal_when_keys_come_in_another_order(self, props: dict[str, Any]) -> None:
        event = learning(payload=props)
        assert _digest(_reversed(event)) == _digest(event)

    @given(PROPS)
    def test_should_be_equal_when_attributes_are_an_object_or_a_list(self, props: dict[str, Any]) -> None:
        listed = [{"name": name, "value": value} for name, value in props.items()]
        first, second = (accepted(device(event_name="page view", attrs=attrs)) for attrs in (props, listed))
        assert first.content_sha256 == second.content_sha256
        assert first.line.split(b"\t")[20] == second.line.split(b"\t")[20]

    @given(PROPS)
    def test_should_be_equal_when_the_schema_is_registered_later(self, props: dict[str, Any]) -> None:
        event = envelope(event_name="purchase", props={**props, "quantity": 2.0, "price": 3.0, "size": "s"})
        event["props"].pop("product", None)
        known = project_rules()
        unknown = type(known)("default", 0, "lenient", known.time_zone, 90, {}, {}, 2)
        assert _digest(event, rules=known) == _digest(event, rules=unknown)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ('"\\u00e9"', '"é"'),
            ('{"a": 1, "b": [2.0]}', '{"b":[2],"a":1.0}'),
        ],
    )
    def test_should_be_equal_when_a_value_is_spelled_in_another_way(self, one: str, other: str) -> None:
        event = json.dumps(learning(payload={"x": "@"}))
        assert _read(event.replace('"@"', one)) == _read(event.replace('"@"', other))

    @pytest.mark.parametrize(
        "same",
        [
            learning(timestamp="2026-03-03T14:59:00+03:00"),
            learning(timestamp="2026-03-03T11:59:00.0009Z"),
            learning(event_type="View page"),
            learning(id="another"),
            learning(payload={"x": None}),
            learning(payload=...),
        ],
    )
    def test_should_be_equal_when_the_same_is_said_in_other_words(self, same: Any) -> None:
        assert _digest(same) == _digest(learning())

    @pytest.mark.parametrize(
        "other",
        [
            learning(user_id="another"),
            learning(course_id="another"),
            learning(course_id=...),
            learning(module_id="another"),
            learning(event_type="purchase", payload={"quantity": 1}),
            learning(timestamp="2026-03-03T11:59:00.001Z"),
            learning(payload={"x": 1}),
            learning(payload={"x": "1"}),
        ],
    )
    def test_should_differ_when_something_else_is_said(self, other: Any) -> None:
        assert _digest(other) not in {_digest(learning()), _digest(learning(payload={"x": True}))}

    @pytest.mark.parametrize(
        "change",
        [
            {"session_id": "s"},
            {"source": "web"},
            {"context": {"ip": "203.0.113.7"}},
            {"labels": {}, "source": "simulator"},
            {"scope": {"type": "order", "id": "1"}},
            {"subject": {"user_code": "1"}},
        ],
    )
    def test_should_differ_when_a_field_of_the_envelope_differs(self, change: dict[str, Any]) -> None:
        assert _digest(envelope(**change)) != _digest(envelope())

    def test_should_differ_when_the_truth_of_a_simulated_event_differs(self) -> None:
        truths: list[Any] = [None, {}, {"is_anomaly": True}]
        assert len({_digest(envelope(source="simulator", labels=labels)) for labels in truths}) == 3

    def test_should_differ_when_the_same_id_is_of_another_kind(self) -> None:
        order, page = (_digest(envelope(scope={"type": kind, "id": "1"})) for kind in ("order", "page"))
        assert order != page

    @pytest.mark.parametrize("event", [device(occurred_at=...), activity(timestamp=...)])
    def test_should_be_equal_when_an_event_without_time_is_sent_again_later(self, event: Any) -> None:
        later = RECEIVED_AT + dt.timedelta(hours=1)
        assert _digest(event) == _digest(event, received_at=later)

    def test_should_be_equal_when_the_batch_is_another(self) -> None:
        first = judge(learning())[0]
        second = judge(envelope(), learning(), sent_at=RECEIVED_AT - dt.timedelta(minutes=2), pointer="")[1]
        assert first.content_sha256 == second.content_sha256  # type: ignore[union-attr]
