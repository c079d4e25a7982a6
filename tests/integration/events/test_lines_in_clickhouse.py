"""Lines of the inbox, read back from the real ClickHouse: what was sent is what is stored."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from include.events.envelope.sender import Sender
from include.events.envelope.verdicts import Accepted
from include.events.tables import INBOX_COLUMNS
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from tests.loading import own_stores
from tests.sent_events import COURSE_ID, RECEIPT_ID, RECEIVED_AT, USER_ID, device, envelope, judge, learning

HOSTILE = [
    "tab\there",
    "line\nhere",
    "return\rhere\r\n",
    "back\\slash \\t \\n \\N \\\\",
    "\\N",
    "quotes ' \" ` ''",
    "brackets [] {} ['a','b']",
    "emoji 👩‍👩‍👧‍👦 😀",
    "right to left \u202e שלום مرحبا",
    "four bytes 𝒳𐍈",
    "zero width \u200b\ufeff and separators \u2028\u2029",
    "control \x01\x08\x0b\x0c\x1b\x7f\x85",
    "a" * 6_000,
    "",
    " ",
    "NULL",
    "0",
]
CONTROL = [chr(code) for code in (*range(32), *range(127, 160))]


@pytest.fixture(scope="module")
def warehouse(endpoints: Endpoints) -> Iterator[Warehouse]:
    with own_stores(endpoints) as environ:
        settings = Settings.from_env(environ).clickhouse
        assert settings is not None
        found = Warehouse(settings)
        columns = ", ".join(f"{column.name} {column.type}" for column in INBOX_COLUMNS)
        found.execute(f"CREATE TABLE lines ({columns}) ENGINE = MergeTree ORDER BY position")
        yield found


def _stored(warehouse: Warehouse, events: Sequence[Any], sender: Sender | None = None) -> list[dict[str, Any]]:
    """Rows of accepted events by name of column, in their order."""
    verdicts = judge(*events, sender=sender or Sender("key:1", "server"))
    lines = [verdict.line for verdict in verdicts if isinstance(verdict, Accepted)]
    assert len(lines) == len(events), [verdict for verdict in verdicts if not isinstance(verdict, Accepted)]
    names = [column.name for column in INBOX_COLUMNS]
    warehouse.execute("TRUNCATE TABLE lines")
    warehouse.insert_stream(f"INSERT INTO lines ({', '.join(names)}) FORMAT TabSeparated", [b"".join(lines)])
    rows = warehouse.execute(f"SELECT {', '.join(names)} FROM lines ORDER BY position")
    return [dict(zip(names, row, strict=True)) for row in rows]


class TestLinesInClickHouse:
    def test_should_store_every_column_when_the_event_has_everything(self, warehouse: Warehouse) -> None:
        subject = {"user_id": USER_ID, "user_code": "code", "customer_id": 3, "client_id": "17", "device_id": "d"}
        event = envelope(
            event_id=USER_ID,
            source="simulator",
            event_name="View Page",
            occurred_at="2026-03-03T11:59:00.1239-02:30",
            sent_at="2026-03-03T14:30:00.123-02:30",
            subject={**subject, "anonymous_id": "a"},
            session_id="s",
            scope={"type": "course", "id": COURSE_ID, "module_id": 7},
            props={"n": 1.0, "x": None},
            context={"ip": "203.0.113.7"},
            labels={"is_anomaly": True},
        )
        (row,) = _stored(warehouse, [event])
        assert row == {
            "project": "default",
            "event_name": "page_view",
            "event_id": uuid.UUID(USER_ID),
            "person_id": uuid.uuid5(uuid.NAMESPACE_URL, f"person|default|user_id|{USER_ID}"),
            "sent_name": "View Page",
            "source": "simulator",
            "schema_version": 1,
            "occurred_at": dt.datetime(2026, 3, 3, 14, 29, 0, 123_000, dt.UTC),
            "event_time": dt.datetime(2026, 3, 3, 9, 29, 0, 123_000, dt.UTC),
            "offset_minutes": -150,
            "received_at": RECEIVED_AT,
            **{name: str(value) for name, value in subject.items()},
            "anonymous_id": "a",
            "session_id": "s",
            "scope_type": "course",
            "scope_id": COURSE_ID,
            "module_id": "7",
            "props": '{"n":1}',
            "context": '{"ip":"203.0.113.7"}',
            "labels": '{"is_anomaly":true}',
            "warnings": ["skew_corrected", "unknown_attr"],
            "receipt_id": RECEIPT_ID,
            "position": 0,
            "version": 2**64 - 1 - 1_772_539_200_123_456,
        }

    def test_should_store_nothing_where_nothing_was_sent(self, warehouse: Warehouse) -> None:
        (row,) = _stored(warehouse, [device(occurred_at=..., event_name="page view", attrs=...)])
        empty = ("user_id", "session_id", "scope_type", "scope_id", "module_id", "labels")
        assert (row["offset_minutes"], row["props"], row["context"]) == (None, "{}", "{}")
        assert {row[name] for name in empty} == {""}
        assert row["occurred_at"] == row["event_time"] == RECEIVED_AT.replace(microsecond=123_000)

    @pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2026-03-03T12:04:59.999+14:00"])
    def test_should_store_the_instant_when_it_is_at_a_border(self, warehouse: Warehouse, text: str) -> None:
        (row,) = _stored(warehouse, [learning(timestamp=text)], Sender("key:1", "server", may_backfill=True))
        assert row["occurred_at"] == dt.datetime.fromisoformat(text)

    def test_should_read_back_equal_when_attributes_are_hostile(self, warehouse: Warehouse) -> None:
        props = [{text: text, "list": [text, {text: text}]} for text in HOSTILE]
        rows = _stored(warehouse, [learning(id=f"e-{place}", payload=item) for place, item in enumerate(props)])
        assert [json.loads(row["props"]) for row in rows] == props

    def test_should_be_read_by_clickhouse_as_json_when_attributes_are_hostile(self, warehouse: Warehouse) -> None:
        _stored(warehouse, [learning(payload={"x": text}) for text in HOSTILE])
        rows = warehouse.execute("SELECT JSONExtractString(props, 'x') FROM lines ORDER BY position")
        assert [row[0] for row in rows] == HOSTILE

    def test_should_read_back_equal_when_names_and_ids_are_hostile(self, warehouse: Warehouse) -> None:
        usable = [text for text in HOSTILE if text.strip() and len(text) <= 128 and not set(text) & set(CONTROL)]
        events = [
            envelope(
                event_id=text,
                event_name=f"page {place} {text}"[:90],
                subject={"user_id": text, "anonymous_id": text},
                session_id=text,
                scope={"type": "page", "id": text, "module_id": text},
            )
            for place, text in enumerate(usable)
        ]
        rows = _stored(warehouse, events)
        for name in ("user_id", "anonymous_id", "session_id", "scope_id", "module_id"):
            assert [row[name] for row in rows] == [text.strip() for text in usable]
        assert [row["sent_name"] for row in rows] == [event["event_name"] for event in events]

    def test_should_read_back_the_name_as_sent_when_it_has_tabs_and_lines(self, warehouse: Warehouse) -> None:
        names = [f"page{text}view" for text in HOSTILE if len(text) <= 80]
        rows = _stored(warehouse, [learning(event_type=name) for name in names])
        assert [row["sent_name"] for row in rows] == names

    def test_should_read_back_equal_when_texts_are_naughty(
        self, warehouse: Warehouse, shared_data: Callable[[str], Path]
    ) -> None:
        naughty = json.loads(shared_data("badinput/blns.json").read_text())
        rows = _stored(warehouse, [device(event_name="page view", attrs={"x": text, text: 1}) for text in naughty])
        assert [json.loads(row["props"]) for row in rows] == [{"x": text, text: 1} for text in naughty]
