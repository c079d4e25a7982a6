"""The two statements that read one part: good rows into the table, the others into quarantine."""

from __future__ import annotations

from collections.abc import Sequence

from include.metrika.fields.kinds import Field
from include.metrika.loading.dialect import MAX_WATCH_IDS, FieldSql, field_sql, flags_sql, lines_sql
from include.warehouse.client import quoted


def insert_rows_sql(table: str, fields: Sequence[Field], quotes: str) -> str:
    """Write the statement that stores the good rows of a part.

    Args:
        table: target, a staging table.
        fields: the fields in header order.
        quotes: auto, raw or wrapped.

    Returns:
        ``INSERT ... SELECT ... FROM input() ... FORMAT LineAsString`` with the server-side
        parameters ``counter_id``, ``zone`` and ``days``.
    """
    parts = _parts(fields)
    flags, unwrapped = flags_sql(parts, quotes)
    values = {part.field.column: part.value for part in parts}
    if "watch_ids" in values:
        values["watch_ids_truncated"] = f"toUInt8(length({values['watch_ids']}) >= {MAX_WATCH_IDS})"
    values |= {"dialect_flags": flags, "unwrapped_count": unwrapped}
    columns = ", ".join(["counter_id", *(quoted(name) for name in values)])
    selected = ", ".join(["{counter_id:UInt32}", *values.values()])
    return (
        f"INSERT INTO {quoted(table)} ({columns}) SELECT {selected} FROM ({_texts(parts, quotes)}) "
        f"WHERE {_all_valid(parts)} FORMAT LineAsString"
    )


def insert_quarantine_sql(table: str, fields: Sequence[Field], quotes: str) -> str:
    """Write the statement that stores the bad rows of a part with the reason.

    Args:
        table: target, a staging table of the quarantine.
        fields: the fields in header order.
        quotes: auto, raw or wrapped.

    Returns:
        A statement over the same stream as :func:`insert_rows_sql`, with the further parameters
        ``request_id`` and ``part``. Line numbers count from 1 behind the header.
    """
    parts = _parts(fields)
    checks = [f"length(f) != {len(parts)}, ('columns', '')"]
    checks += [f"NOT {p.is_valid}, ({p.reason}, '{p.field.api_name}')" for p in parts if p.is_valid != "1"]
    days = [p for p in parts if p.field.column == "date"]
    day = f"if({days[0].is_valid}, {days[0].value}, toDate({{days:Array(String)}}[1]))" if days else "toDate(0)"
    return (
        f"INSERT INTO {quoted(table)} (counter_id, date, request_id, part_number, line_number, reason, field, raw) "
        f"SELECT {{counter_id:UInt32}}, {day}, {{request_id:UInt64}}, {{part:UInt32}}, number, why.1, why.2, line "
        f"FROM (SELECT *, multiIf({', '.join(checks)}, ('', '')) AS why FROM ({_texts(parts, quotes)})) "
        "WHERE why.1 != '' SETTINGS max_threads = 1, input_format_parallel_parsing = 0 FORMAT LineAsString"
    )


def _parts(fields: Sequence[Field]) -> list[FieldSql]:
    return [field_sql(field, position) for position, field in enumerate(fields, start=1)]


def _texts(parts: Sequence[FieldSql], quotes: str) -> str:
    texts = ", ".join(part.text for part in parts)
    return f"SELECT line, f, plain, is_utf8, number, {texts} FROM ({lines_sql(quotes)})"


def _all_valid(parts: Sequence[FieldSql]) -> str:
    checks = [f"length(f) = {len(parts)}", *(part.is_valid for part in parts if part.is_valid != "1")]
    return " AND ".join(checks)
