"""Files with the columns of the Logs API, read into a warehouse by the rules of the dialect.

For looking at logs that somebody already has: nothing is asked of Metrika, no zone is known, and all rows go
under one day, whatever days they are of. Times are taken as written.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.errors import InputError
from include.metrika.fields.kinds import Field
from include.metrika.fields.resolving import find_field, resolve_fields
from include.metrika.loading.dialect import field_sql, lines_sql
from include.metrika.loading.part_stream import CHUNK_BYTES, PartBody, PartDamaged
from include.metrika.loading.tables import source_table
from include.warehouse.client import Warehouse, quoted
from include.warehouse.schema import create_table, drop_tables, ensure_tables

COUNTER_ID, DAY = 1, dt.date(2000, 1, 1)  # where the rows of the files are put
GZIP_MAGIC = b"\x1f\x8b"
NEEDED = {
    "visits": (
        "visit_id", "client_id", "watch_ids", "started_at", "duration_seconds", "page_views", "is_bounce",
        "device_category",
    ),
    "hits": ("watch_id", "hit_at"),
}  # fmt: skip
USED = {"visits": (), "hits": ("visit_id", "client_id")}  # read when the file has them
_CSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class FileCounts:
    """What became of the rows of a file.

    Attributes:
        rows: lines behind the header.
        stored: rows that were read and stored.
        unreadable: lines with a wrong number of columns or with values that are none of their kind.
        duplicates: further rows of a visit that was there already; repeated hits count once all by themselves.
    """

    rows: int
    stored: int
    unreadable: int
    duplicates: int


def read_log_file(warehouse: Warehouse, source: str, path: Path, *, quotes: str = "auto") -> FileCounts:
    """Read a file into the table ``visits`` or ``hits`` under :data:`COUNTER_ID` and :data:`DAY`.

    Args:
        warehouse: a private warehouse; the table is made.
        source: visits or hits.
        path: TSV as Metrika delivers it, or CSV when the header is separated by commas; ``.gz`` is seen by itself.
        quotes: how double quotes in TSV text are read: auto, raw or wrapped.

    Returns:
        Counts of the rows.

    Raises:
        InputError: the file cannot be read, is empty, lacks a column, or none of its rows can be used.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    table = source_table(source, resolve_fields(source))
    stage = table.as_staging(f"{source}_read")
    ensure_tables(warehouse, [table])
    create_table(warehouse, stage)
    try:
        with path.open("rb") as file:
            encoding = "gzip" if file.read(len(GZIP_MAGIC)) == GZIP_MAGIC else "identity"
            file.seek(0)
            body = PartBody(encoding, iter(lambda: file.read(CHUNK_BYTES), b""))
            rows = _insert(warehouse, stage.name, source, path, body, quotes)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", code="unreadable", pointer=str(path)) from None
    except PartDamaged:
        raise InputError(
            f"{path} is no whole text or gzip file: it has no header line, or its compression is broken.",
            code="unreadable",
            pointer=str(path),
        ) from None
    stored = int(warehouse.scalar(f"SELECT count() FROM {quoted(stage.name)}"))
    if rows and not stored:
        raise InputError(
            f"None of the {rows} rows of {path} could be read; they must hold the values of the Logs API under their "
            "header.",
            code="bad_rows",
            pointer=str(path),
        )
    kept = _keep_once(warehouse, stage.name, source)
    drop_tables(warehouse, [stage.name])
    return FileCounts(rows=rows, stored=kept, unreadable=rows - stored, duplicates=stored - kept)


def _keep_once(warehouse: Warehouse, stage: str, source: str) -> int:
    """A visit that stands in the file twice would be two visits; a hit may repeat, its first time counts."""
    once = "ORDER BY visit_id, started_at, duration_seconds DESC LIMIT 1 BY visit_id" if source == "visits" else ""
    warehouse.execute(f"INSERT INTO {quoted(source)} SELECT * FROM {quoted(stage)} {once}")
    return int(warehouse.scalar(f"SELECT count() FROM {quoted(source)}"))


def _insert(warehouse: Warehouse, stage: str, source: str, path: Path, body: PartBody, quotes: str) -> int:
    names, is_csv = _header(body, source, path)
    places = _places(names, source, path)
    parameters = {"counter_id": str(COUNTER_ID), "zone": "UTC", "day": DAY.isoformat()}
    if not is_csv:
        sql = _insert_sql(stage, places, width=len(names), quotes=quotes)
        warehouse.insert_stream(sql, _without_returns(body.iter_body()), parameters)
        return body.line_count
    lines = _CsvLines(body.iter_body(), width=len(names), wanted=[place for place, _ in places])
    own = [(number, field) for number, (_, field) in enumerate(places)]
    warehouse.insert_stream(_insert_sql(stage, own, width=len(own), quotes="raw"), lines.iter_tsv(), parameters)
    return lines.count


def _header(body: PartBody, source: str, path: Path) -> tuple[list[str], bool]:
    if not body.header or not "".join(body.header).strip():
        raise InputError(
            f"{path} is empty; give {source} with the column names of the Logs API in the first line.",
            code="empty_file",
            pointer=str(path),
        )
    names = [name.strip().lstrip("\ufeff") for name in body.header]
    if len(names) == 1 and "," in names[0]:
        return [name.strip() for name in next(csv.reader([names[0]]))], True
    return names, False


def _places(names: Sequence[str], source: str, path: Path) -> list[tuple[int, Field]]:
    """Place of each column to read, from 0, and its field."""
    fields = {field.column: field for field in resolve_fields(source)}
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        field = find_field(source, name)
        if field is not None:
            found.setdefault(field.column, place)
    missing = [fields[column].api_name for column in NEEDED[source] if column not in found]
    if missing:
        shown = ", ".join(names)[:200] if all(name.isprintable() for name in names) else "not readable as text"
        raise InputError(
            f"{path} lacks the columns {', '.join(missing)}; its header is {shown}. Give {source} as the Logs API "
            "delivers them, separated by tabs or commas.",
            code="missing_columns",
            pointer=str(path),
        )
    return [(found[column], fields[column]) for column in (*NEEDED[source], *USED[source]) if column in found]


def _insert_sql(table: str, places: Sequence[tuple[int, Field]], *, width: int, quotes: str) -> str:
    parts = [field_sql(field, place + 1) for place, field in places]
    columns = ", ".join(["counter_id", "date", *(quoted(part.field.column) for part in parts)])
    values = ", ".join(["{counter_id:UInt32}", "{day:Date}", *(part.value for part in parts)])
    checks = " AND ".join([f"length(f) = {width}", *(part.is_valid for part in parts)])
    texts = ", ".join(part.text for part in parts)
    return (
        f"INSERT INTO {quoted(table)} ({columns}) SELECT {values} FROM (SELECT f, {texts} FROM ({lines_sql(quotes)})) "
        f"WHERE {checks} FORMAT LineAsString"
    )


def _without_returns(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Drop the carriage return of each line end; a tab-separated text has none elsewhere."""
    held = b""
    for chunk in chunks:
        whole = held + chunk
        held = b"\r" if whole.endswith(b"\r") else b""
        yield whole.removesuffix(held).replace(b"\r\n", b"\n")


class _CsvLines:
    """Rows of a CSV file as TSV lines with the wanted columns only.

    Args:
        chunks: the file behind its header line.
        width: columns of the header.
        wanted: places of the columns, from 0.
    """

    def __init__(self, chunks: Iterable[bytes], *, width: int, wanted: Sequence[int]) -> None:
        self._chunks, self._width, self._wanted = chunks, width, wanted
        self.count = 0

    def iter_tsv(self) -> Iterator[bytes]:
        """TSV in pieces; a row of another width becomes a line without its columns, which nobody stores."""
        lines: list[str] = []
        for row in csv.reader(self._iter_lines()):
            if not row:
                continue
            self.count += 1
            values = [row[place] for place in self._wanted] if len(row) == self._width else []
            lines.append("\t".join(value.translate(_CSV_ESCAPES) for value in values))
            if len(lines) >= 10_000:
                yield ("\n".join(lines) + "\n").encode()
                lines = []
        if lines:
            yield ("\n".join(lines) + "\n").encode()

    def _iter_lines(self) -> Iterator[str]:
        decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
        for chunk in self._chunks:
            whole = rest + decoder.decode(chunk)
            *lines, rest = whole.split("\n")
            for line in lines:
                yield f"{line}\n"
        if rest:
            yield rest
