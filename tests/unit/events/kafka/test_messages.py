"""Messages written and read again, without a broker."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.events.envelope.sender import Sender
from include.events.kafka.messages import FOREIGN, Outgoing, Place, headers_of, key_of, read_message, value_of

NOW = dt.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=dt.UTC)
PLACE = Place("raw", "id-1", 2, 7)
MESSAGE = Outgoing(
    project="shop-1",
    envelope={"event_id": "e", "event_name": "tap", "subject": {"device_id": "phone", "user_code": "anna"}},
    sender=Sender("key:1", "mobile", may_backfill=True, only_courses=frozenset({"c"})),
    receipt_id=uuid.UUID(int=1),
    received_at=NOW,
    sent_at=NOW - dt.timedelta(seconds=3),
    body_sha256=b"d" * 32,
)
UNSOUND: list[dict[str, object]] = [
    {"principal": 1}, {"principal": ""}, {"principal": "a\0b"}, {"principal": "\ud800"}, {"source": "pigeon"},
    {"source": []}, {"may_backfill": 1}, {"only_user_id": {}}, {"only_courses": "abc" * 99}, {"only_courses": [[]]},
]  # fmt: skip
LATER = NOW + dt.timedelta(minutes=1)


def headers(message: Outgoing) -> list[tuple[str, bytes | None]]:
    return [(name, text.encode() if isinstance(text, str) else text) for name, text in headers_of(message)]


class TestKey:
    def test_should_name_app_and_strongest_identity(self) -> None:
        assert key_of(MESSAGE) == b"shop-1/user_code/anna"

    def test_should_name_the_app_alone_when_nobody_is_known(self) -> None:
        assert key_of(replace(MESSAGE, envelope={})) == b"shop-1//"


class TestReadMessage:
    @pytest.mark.parametrize("sent_at", [None, MESSAGE.sent_at])
    def test_should_know_everything_again_when_it_was_written_here(self, sent_at: dt.datetime | None) -> None:
        message = replace(MESSAGE, sent_at=sent_at)
        found = read_message(value_of(message), headers(message), PLACE, LATER)
        assert found.fault is None
        assert (found.project, found.event) == ("shop-1", {**message.envelope, "project": "shop-1"})
        assert (found.receipt_id, found.body_sha256) == (message.receipt_id, message.body_sha256)
        assert (found.received_at, found.sent_at, found.sender) == (NOW, sent_at, message.sender)

    def test_should_take_the_time_of_writing_when_there_are_no_headers(self) -> None:
        found = read_message(b'{"project": "shop-1"}', None, PLACE, NOW)
        assert (found.received_at, found.sent_at, found.sender) == (NOW, None, FOREIGN)

    def test_should_not_be_received_after_it_was_written_when_a_header_says_so(self) -> None:
        assert read_message(value_of(MESSAGE), headers(MESSAGE), PLACE, NOW - dt.timedelta(1)).received_at < NOW

    def test_should_derive_the_same_receipt_when_it_is_read_again(self) -> None:
        first, second = (read_message(b"{}", [], PLACE, NOW) for _ in range(2))
        assert first.receipt_id == second.receipt_id

    @pytest.mark.parametrize(
        ("place", "value"),
        [(replace(PLACE, offset=8), b"{}"), (replace(PLACE, topic_id="id-2"), b"{}"), (PLACE, b"[]")],
    )
    def test_should_derive_another_receipt_when_place_or_content_differ(self, place: Place, value: bytes) -> None:
        first, second = read_message(b"{}", [], PLACE, NOW), read_message(value, [], place, NOW)
        assert first.receipt_id != second.receipt_id

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("receipt_id", b"7"),
            ("receipt_id", b"\xff"),
            ("received_at", b"yesterday"),
            ("received_at", b"2026-11-20T12:00:00"),
            ("sent_at", b""),
            ("sender", b"[]"),
            ("sender", b"null"),
            ("sender", b'{"principal": "x"}'),
            *[("sender", json.dumps({**FOREIGN.to_record(), **changes}).encode()) for changes in UNSOUND],
            ("received_at", b"0001-01-01T00:00:00+14:00"),
            ("received_at", b"9999-12-31T23:59:59-14:00"),
            ("body_sha256", b"00"),
            ("body_sha256", b"zz"),
        ],
    )
    def test_should_be_no_event_when_a_header_cannot_be_read(self, name: str, text: bytes) -> None:
        found = read_message(value_of(MESSAGE), [(name, text)], PLACE, NOW)
        assert found.fault is not None
        assert (found.fault.code, name in found.fault.message) == ("bad_type", True)

    @given(st.binary(max_size=200), st.lists(st.tuples(st.sampled_from(["receipt_id", "sender", "x"]), st.binary())))
    def test_should_always_be_an_event_or_a_fault_when_bytes_are_arbitrary(
        self, value: bytes, given_headers: list[tuple[str, bytes | None]]
    ) -> None:
        found = read_message(value, given_headers, PLACE, NOW)
        assert (found.fault is None) != (found.event is None)
        assert found.value == value
