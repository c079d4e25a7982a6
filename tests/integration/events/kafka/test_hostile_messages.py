"""Messages with anything in them: each is counted once, nothing fails, nothing is left behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from include.days import utc_now
from include.events.apps.rules import RulesCache
from include.events.kafka.blocks import Block
from include.events.kafka.messages import Incoming, Place, headers_of, read_message
from include.events.kafka.unpacking import Taken, take_block
from include.state.tables import inbox_batches
from tests.kafka_topic import KafkaTopic

NAUGHTY = ["", "\0", "\ud800", "﷽", "Ω≈ç√", "'; DROP TABLE receipts; --", "\t\n\\N", "\u202e"]
TEXTS = st.text(max_size=12) | st.sampled_from(NAUGHTY)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63) - 1, 10**400, 1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
FIELDS = ("event_id", "event_name", "occurred_at", "sent_at", "subject", "session_id", "scope", "props", "context")
OTHER_FIELDS = ("schema_version", "source", "labels", "project", "x")
CHANGES = st.dictionaries(st.sampled_from(FIELDS + OTHER_FIELDS), VALUES, max_size=3)
HEADERS = st.dictionaries(
    st.sampled_from(["received_at", "sent_at", "sender", "body_sha256", "x"]),
    st.binary(max_size=8) | VALUES.map(lambda value: json.dumps(value).encode()),
    max_size=2,
)


class TestHostileMessages:
    def test_should_count_each_once_and_land_what_was_accepted_when_anything_is_written(
        self, topic: KafkaTopic
    ) -> None:
        counted = Taken()

        @settings(max_examples=150, deadline=None)
        @given(st.lists(st.tuples(CHANGES, HEADERS), min_size=1, max_size=5), st.binary(max_size=20))
        def write(changes: list[tuple[dict[str, Any], dict[str, bytes]]], rubbish: bytes) -> None:
            messages = [message(topic, offset, *change) for offset, change in enumerate(changes)]
            place = Place("raw", str(uuid.uuid4()), 0, len(messages))
            block = Block([*messages, read_message(rubbish, None, place, utc_now())])
            rules = RulesCache()
            taken = take_block(topic.inbox.state, block, rules=rules, settings=topic.settings, also=stay)
            assert taken.accepted + taken.duplicates + taken.rejected == len(block.messages)
            counted.add(taken)

        write()
        assert [row.message for row in topic.quarantine() if "the log has more" in row.message] == []
        topic.inbox.load()
        assert topic.inbox.count(inbox_batches) == 0
        assert len(topic.inbox.rows("event_id", final=False)) == counted.accepted > 0


def message(topic: KafkaTopic, offset: int, changes: dict[str, Any], headers: dict[str, bytes]) -> Incoming:
    sent = topic.outgoing(offset, receipt_id=uuid.uuid4())
    envelope = {**sent.envelope, "event_id": str(uuid.uuid4()), "project": topic.project, **changes}
    known = {name: text for name, text in headers_of(sent) if isinstance(text, bytes)}
    place = Place("raw", str(uuid.uuid4()), 0, offset)
    return read_message(json.dumps(envelope).encode(), list({**known, **headers}.items()), place, utc_now())


def stay(_: Connection, __: Mapping[int, tuple[int, int]]) -> None:
    """No offset moves."""
