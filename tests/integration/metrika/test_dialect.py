"""The dialect, rule by rule, read by the real engine (M11)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from include.metrika.fields.kinds import Field, Kind
from include.metrika.loading.row_statements import insert_quarantine_sql, insert_rows_sql
from include.metrika.loading.tables import quarantine_table, source_table
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.warehouse.client import Warehouse
from include.warehouse.schema import create_table, drop_tables

DAYS = "['2025-10-25','2025-10-26']"


def _field(name: str, kind: Kind, column: str, zone: str = "", required: bool = False) -> Field:
    return Field(f"ym:s:{name}", "visits", kind, column, "A field.", zone=zone, is_required=required)


FIELDS = (
    _field("visitID", Kind.UINT64, "visit_id", required=True),
    _field("clientID", Kind.UINT64, "client_id", required=True),
    _field("date", Kind.DATE, "date", required=True),
    _field("dateTime", Kind.DATETIME, "started_at", "counter", required=True),
    _field("watchIDs", Kind.ARRAY_UINT64, "watch_ids", required=True),
    _field("pageViews", Kind.INT32, "page_views"),
    _field("startURL", Kind.STRING, "start_url"),
    _field("goalsDateTime", Kind.ARRAY_DATETIME, "goals_at", "utc+3"),
    _field("messenger", Kind.ARRAY_STRING, "messengers"),
    _field("revenue", Kind.ARRAY_FLOAT64, "revenues"),
)
PLAIN = ["1", "2", "2025-10-25", "2025-10-25 10:00:00", "[3]", "4", "http://x/", "[]", "[]", "[]"]
ORDER = [field.column for field in FIELDS]


def _line(**changes: str | bytes) -> bytes:
    cells = dict(zip(ORDER, PLAIN, strict=True)) | changes
    return b"\t".join(cell.encode() if isinstance(cell, str) else cell for cell in cells.values())


@pytest.fixture(scope="module")
def warehouse(endpoints: Endpoints) -> Warehouse:
    settings = Settings.from_env(endpoints.environment()).clickhouse
    assert settings is not None
    return Warehouse(settings)


class Reader:
    """Reads lines into a table of its own and gives back what became of them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        suffix = uuid.uuid4().hex[:10]
        self.rows_table, self.bad_table = f"d_{suffix}", f"q_{suffix}"
        create_table(warehouse, source_table("visits", FIELDS).as_staging(self.rows_table))
        create_table(warehouse, quarantine_table("visits").as_staging(self.bad_table))

    def read(self, *lines: bytes, quotes: str = "auto", zone: str = "Europe/Berlin") -> list[dict[str, Any]]:
        body = b"".join(line + b"\n" for line in lines)
        given = {"counter_id": "7", "zone": zone, "days": DAYS, "request_id": "9", "part": "2"}
        self.warehouse.insert_stream(insert_rows_sql(self.rows_table, FIELDS, quotes), [body], given)
        self.warehouse.insert_stream(insert_quarantine_sql(self.bad_table, FIELDS, quotes), [body], given)
        names = [*ORDER, "dialect_flags", "unwrapped_count"]
        found = self.warehouse.execute(f"SELECT {', '.join(names)} FROM {self.rows_table} ORDER BY visit_id")
        return [dict(zip(names, row, strict=True)) for row in found]

    def quarantined(self) -> list[tuple[Any, ...]]:
        return self.warehouse.execute(
            f"SELECT part_number, line_number, reason, field, raw FROM {self.bad_table} ORDER BY line_number"
        )

    def close(self) -> None:
        drop_tables(self.warehouse, [self.rows_table, self.bad_table])


@pytest.fixture
def reader(warehouse: Warehouse) -> Iterator[Reader]:
    found = Reader(warehouse)
    yield found
    found.close()


class TestM11Values:
    def test_should_keep_every_digit_when_ids_are_above_2_to_the_63(self, reader: Reader) -> None:
        row = reader.read(_line(visit_id="18446744073709551615", watch_ids="[9223372036854775809,1]"))[0]
        assert (row["visit_id"], row["watch_ids"]) == (18446744073709551615, [9223372036854775809, 1])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (r"a\tb\nc\rd\\e\'f", "a\tb\nc\rd\\e'f"),
            (r"\\t", r"\t"),
            (r"\\\t", "\\\t"),
            (r"\q", r"\q"),
            (r"\N", ""),
            (r"\b\f\0", "\b\f\0"),
            ('"he said ""x"""', 'he said "x"'),
            ('"lone', '"lone'),
            ('"a"b"', '"a"b"'),
            ('""', ""),
            ('"', '"'),
            ("cr\r", "cr\r"),
            ("страница", "страница"),
        ],
    )
    def test_should_read_text_when_escaped_or_wrapped(self, reader: Reader, text: str, expected: str) -> None:
        assert reader.read(_line(start_url=text))[0]["start_url"] == expected

    def test_should_keep_quotes_when_the_counter_is_set_to_raw(self, reader: Reader) -> None:
        row = reader.read(_line(start_url='"a"'), quotes="raw")[0]
        assert (row["start_url"], row["unwrapped_count"]) == ('"a"', 0)

    def test_should_count_unwrapped_fields(self, reader: Reader) -> None:
        assert reader.read(_line(start_url='"a"', visit_id='"8"'))[0]["unwrapped_count"] == 2

    def test_should_replace_and_mark_bad_bytes(self, reader: Reader) -> None:
        row = reader.read(_line(start_url=b"bad\xff\xfebytes"))[0]
        assert row["start_url"].startswith("bad\ufffd")
        assert row["dialect_flags"] & 4

    def test_should_default_and_mark_when_a_number_is_null_or_empty(self, reader: Reader) -> None:
        rows = reader.read(_line(visit_id="1", page_views=r"\N"), _line(visit_id="2", page_views=""))
        assert [row["page_views"] for row in rows] == [0, 0]
        assert [row["dialect_flags"] for row in rows] == [1 | 2, 2]

    @pytest.mark.parametrize("text", ["2025-10-25 10:15:00", "2025-10-25T10:15:00", "2025-10-25T10:15"])
    def test_should_read_a_time_in_every_spelling(self, reader: Reader, text: str) -> None:
        assert reader.read(_line(started_at=text))[0]["started_at"] == dt.datetime(2025, 10, 25, 8, 15, tzinfo=dt.UTC)

    def test_should_take_the_first_reading_when_clocks_show_a_time_twice(self, reader: Reader) -> None:
        row = reader.read(_line(date="2025-10-26", started_at="2025-10-26 02:30:00"))[0]
        assert int(row["started_at"].timestamp()) == 1761438600

    def test_should_read_seconds_less_times_of_arrays_in_their_own_zone(self, reader: Reader) -> None:
        row = reader.read(_line(goals_at=r"[\'2023-03-01T20:13:23\',\'2023-03-01T20:15\']"))[0]
        utc = [dt.datetime(2023, 3, 1, 17, 13, 23, tzinfo=dt.UTC), dt.datetime(2023, 3, 1, 17, 15, tzinfo=dt.UTC)]
        assert row["goals_at"] == utc

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[]", []),
            ("[,,,telegram]", ["", "", "", "telegram"]),
            ("[,]", ["", ""]),
            (r"[\'it\\\'s\',b]", ["it's", "b"]),
            (r"[\'a,b\',\'c\']", ["a,b", "c"]),
        ],
    )
    def test_should_read_text_arrays_when_quoted_or_bare(self, reader: Reader, text: str, expected: list[str]) -> None:
        assert reader.read(_line(messengers=text))[0]["messengers"] == expected

    def test_should_read_number_arrays_with_zeros(self, reader: Reader) -> None:
        assert reader.read(_line(revenues="[0,1.5]"))[0]["revenues"] == [0.0, 1.5]

    @pytest.mark.parametrize("text", ["0.0", "0.00", "-0.0", "0.", ".0", "+0"])
    def test_should_read_a_zero_in_every_spelling_when_numbers_have_fractions(self, reader: Reader, text: str) -> None:
        assert reader.read(_line(revenues=f"[{text},2]"))[0]["revenues"] == [0.0, 2.0]


class TestM11Quarantine:
    @pytest.mark.parametrize(
        ("changes", "reason", "name"),
        [
            ({"visit_id": "18446744073709551616"}, "range", "ym:s:visitID"),
            ({"page_views": "2147483648"}, "range", "ym:s:pageViews"),
            ({"visit_id": "12x"}, "number", "ym:s:visitID"),
            ({"date": "2025-10-27"}, "date", "ym:s:date"),
            ({"started_at": "2025-13-01 10:00:00"}, "time", "ym:s:dateTime"),
            ({"started_at": "2025-10-25 25:00:00"}, "time", "ym:s:dateTime"),
            ({"started_at": "1761438600"}, "time", "ym:s:dateTime"),
            ({"watch_ids": "[1,x]"}, "array", "ym:s:watchIDs"),
            ({"watch_ids": "1,2"}, "array", "ym:s:watchIDs"),
            ({"goals_at": "[2023-02-30T10:00]"}, "array", "ym:s:goalsDateTime"),
            ({"revenues": "[nan?]"}, "array", "ym:s:revenue"),
            ({"revenues": "[1,nan]"}, "array", "ym:s:revenue"),
            ({"revenues": "[inf]"}, "array", "ym:s:revenue"),
            ({"revenues": "[1,,2]"}, "array", "ym:s:revenue"),
            ({"revenues": "[.]"}, "array", "ym:s:revenue"),
        ],
    )
    def test_should_set_a_row_aside_with_its_reason(
        self, reader: Reader, changes: dict[str, str], reason: str, name: str
    ) -> None:
        assert reader.read(_line(**changes)) == []
        assert [(row[2], row[3]) for row in reader.quarantined()] == [(reason, name)]

    def test_should_name_part_line_and_text_when_columns_are_missing(self, reader: Reader) -> None:
        rows = reader.read(_line(), b"1\t2", _line(visit_id="5"), b"")
        assert len(rows) == 2
        assert reader.quarantined() == [(2, 2, "columns", "", "1\t2"), (2, 4, "columns", "", "")]

    def test_should_lose_nothing_when_lines_are_mixed(self, reader: Reader) -> None:
        lines = [_line(visit_id=str(n) if n % 7 else "x" * n) for n in range(1, 500)]
        assert len(reader.read(*lines)) + len(reader.quarantined()) == len(lines)
