from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import InputError
from include.events.apps.rules import ProjectRules
from include.events.envelope.codes import CODES, WARNINGS
from include.events.envelope.reading import read_event
from include.events.envelope.shapes import PLACES, Shape
from include.events.envelope.verdicts import Accepted, Rejected, Verdict
from include.events.tables import INBOX_COLUMNS
from tests.sent_events import activity, device, envelope, judge, learning, project_rules

NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, 2**64, 10**30, -(2**63) - 1, 1e400])
TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(["", "\0", "\ud800", "a" * 200, "2026-03-03T11:59:00Z"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.fixed_dictionaries({"name": TEXTS}, optional={"type": TEXTS, "value": ANYTHING})
FIELDS = sorted(set().union(*(places.fields for places in PLACES.values())))
EVENTS = st.sampled_from([learning(), envelope(), device(), activity()])
SHAPES = st.none() | st.sampled_from(list(Shape))
RULES = (project_rules(), project_rules("strict", "America/Sao_Paulo"))


def _check_sound(verdict: Verdict) -> None:
    """A verdict that every layer above can store and send."""
    if isinstance(verdict, Rejected):
        assert verdict.code in CODES
        assert verdict.pointer.startswith("/events/1")
        uuid.UUID(verdict.event_id or str(uuid.uuid4()))
        json.dumps(list(verdict), ensure_ascii=False).encode()
        return
    assert isinstance(verdict, Accepted)
    assert verdict.line.count(b"\n") == 1
    assert verdict.line.count(b"\t") == len(INBOX_COLUMNS) - 1
    assert verdict.line.endswith(b"\n")
    assert b"\0" not in verdict.line
    assert b"\r" not in verdict.line
    assert len(verdict.content_sha256) == 32
    assert set(verdict.warnings) <= set(WARNINGS)
    verdict.line.decode()


class TestHostileEvents:
    @settings(max_examples=200)
    @given(ANYTHING, SHAPES, st.sampled_from(RULES))
    def test_should_give_a_verdict_when_the_event_is_any_value(
        self, event: Any, shape: Shape | None, rules: ProjectRules
    ) -> None:
        good = learning(event_type="page_view")
        verdicts = judge(good, event, good, rules=rules)
        assert [type(verdicts[0]), type(verdicts[2])] == [Accepted, Accepted]
        _check_sound(verdicts[1])
        _check_sound(judge(good, event, shape=shape, rules=rules)[1])

    @settings(max_examples=300)
    @given(EVENTS, st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=3), st.sampled_from(RULES))
    def test_should_give_a_verdict_when_any_field_has_any_value(
        self, event: dict[str, Any], changes: dict[str, Any], rules: ProjectRules
    ) -> None:
        verdict = judge(learning(), {**event, **changes}, rules=rules)[1]
        _check_sound(verdict)

    @settings(max_examples=200)
    @given(
        st.lists(
            ANYTHING | st.fixed_dictionaries({"name": TEXTS}, optional={"type": TEXTS, "value": ANYTHING}), max_size=4
        )
    )
    def test_should_give_a_verdict_when_attributes_are_listed_in_any_way(self, attrs: list[Any]) -> None:
        _check_sound(judge(learning(), device(attrs=attrs))[1])

    @pytest.mark.parametrize("levels", [6, 33, 254, 255, 256, 5_000])
    def test_should_reject_the_event_when_it_is_a_bomb_of_levels(self, levels: int) -> None:
        bomb: Any = 1
        for _ in range(levels):
            bomb = [bomb]
        verdict = judge(learning(), learning(payload={"x": bomb}))[1]
        assert isinstance(verdict, Rejected)
        assert verdict.code == "props_too_deep"

    def test_should_not_walk_to_the_end_when_a_bomb_of_items_hides_a_bad_number(self) -> None:
        verdict = judge(learning(), learning(payload={"x": [1] * 100_000, "y": 10**30}))[1]
        assert isinstance(verdict, Rejected)
        assert verdict.code == "event_too_large"

    @pytest.mark.parametrize("make", [learning, envelope, device, activity])
    def test_should_give_a_verdict_when_any_text_is_naughty(
        self, make: Callable[..., dict[str, Any]], shared_data: Callable[[str], Path]
    ) -> None:
        naughty = json.loads(shared_data("badinput/blns.json").read_text())
        events = [make(**{field: text}) for text in naughty for field in make()]
        events += [make(**{text: text}) for text in naughty]
        events += [device(event_name="page view", attrs={text: text, "x": {text: [text]}}) for text in naughty]
        for event in events:
            _check_sound(judge(learning(), event)[1])

    def test_should_accept_every_naughty_text_as_an_attribute(self, shared_data: Callable[[str], Path]) -> None:
        naughty = json.loads(shared_data("badinput/blns.json").read_text())
        verdicts = judge(*(learning(payload={text: text}) for text in naughty))
        assert {type(verdict) for verdict in verdicts} == {Accepted}

    @given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
    def test_should_read_or_refuse_when_the_body_is_anything(self, body: bytes) -> None:
        with contextlib.suppress(InputError):
            _check_sound(judge(learning(), *read_event(body).events)[1])
