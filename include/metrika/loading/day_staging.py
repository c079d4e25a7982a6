"""From staged parts to a staged range of days: parts put together, repeated keys and lone halves set aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from include.metrika.loading.part_loading import PartCounts, StagedRequest, total
from include.metrika.loading.tables import KEY_COLUMN, quarantine_table
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import EMPTY_DAY, DaySummary, attach_days, create_staging, summarize_days
from include.warehouse.schema import Table

READING = ("dialect_flags", "unwrapped_count")


@dataclass(frozen=True)
class StagedRange:
    """A range of days of one source, complete in staging tables and ready to be swapped in.

    Attributes:
        table: target definition.
        stage: staging table of the rows.
        quarantine_stage: staging table of the rows that could not be read.
        days: every day of the range.
        summaries: what the stage holds per day.
        quarantined: bad rows per day.
        counts: sums over all parts.
        duplicate_days: rows per day left out because their key was there already.
    """

    table: Table
    stage: str
    quarantine_stage: str
    days: tuple[dt.date, ...]
    summaries: Mapping[dt.date, DaySummary]
    quarantined: Mapping[dt.date, int]
    counts: PartCounts
    duplicate_days: Mapping[dt.date, int]

    @property
    def duplicates(self) -> int:
        """Rows left out because their key was there already."""
        return sum(self.duplicate_days.values())

    @property
    def stored(self) -> int:
        """Rows in the stage."""
        return sum(summary.row_count for summary in self.summaries.values())

    @property
    def received(self) -> int:
        """Rows Metrika sent: stored, duplicate or quarantined."""
        return self.stored + self.duplicates + sum(self.quarantined.values())

    def summary(self, day: dt.date) -> DaySummary:
        """What the stage holds of a day.

        Args:
            day: the day.

        Returns:
            Its summary, of an empty day too.
        """
        return self.summaries.get(day, EMPTY_DAY)


def stage_range(
    warehouse: Warehouse, halves: Sequence[StagedRequest], counts: Sequence[Sequence[PartCounts]], counter_id: int
) -> StagedRange:
    """Put the parts of one range together.

    Args:
        warehouse: ClickHouse.
        halves: the request, or several when the field list was split; each carries the key.
        counts: counts per part of each half.
        counter_id: the counter.

    Returns:
        The staged range.
    """
    first = halves[0]
    table, days = first.table, tuple(dt.date.fromisoformat(day) for day in first.days)
    stage, bad = _names(first)
    create_staging(warehouse, table, stage)
    create_staging(warehouse, quarantine_table(table.name), bad)
    if len(halves) == 1:
        _attach_parts(warehouse, first, counts[0], counter_id, stage, bad)
    else:
        merged = [f"{_names(half)[0]}m" for half in halves]
        for half, rows, name in zip(halves, counts, merged, strict=True):
            create_staging(warehouse, table, name)
            _attach_parts(warehouse, half, rows, counter_id, name, bad)
        _join_halves(warehouse, halves, merged, stage, bad)
    duplicates, summaries = _drop_repeated_keys(warehouse, table, stage, counter_id)
    bad_days = warehouse.execute(f"SELECT date, count() FROM {quoted(bad)} GROUP BY date")
    return StagedRange(
        table=table,
        stage=stage,
        quarantine_stage=bad,
        days=days,
        summaries=summaries,
        quarantined={day: int(count) for day, count in bad_days},
        counts=total([one for half in counts for one in half]),
        duplicate_days=duplicates,
    )


def staging_tables(request: StagedRequest) -> tuple[str, ...]:
    """Every staging table a request may have left behind.

    Args:
        request: the request.

    Returns:
        Table names.
    """
    numbers = [part.number for part in request.request.parts]
    parts = [name for n in numbers for name in (request.part_table(n), request.quarantine_part_table(n))]
    return (*_names(request), f"{_names(request)[0]}m", f"{_names(request)[0]}u", *parts)


def _names(request: StagedRequest) -> tuple[str, str]:
    return request.part_table(0).removesuffix("p0"), request.quarantine_part_table(0).removesuffix("p0")


def _attach_parts(
    warehouse: Warehouse,
    half: StagedRequest,
    counts: Sequence[PartCounts],
    counter_id: int,
    stage: str,
    bad: str,
) -> None:
    days = tuple(dt.date.fromisoformat(day) for day in half.days)
    for part, one in zip(half.request.parts, counts, strict=True):
        attach_days(warehouse, half.part_table(part.number), stage, counter_id, days)
        if one.quarantined:
            attach_days(warehouse, half.quarantine_part_table(part.number), bad, counter_id, days)


def _join_halves(
    warehouse: Warehouse, halves: Sequence[StagedRequest], merged: Sequence[str], stage: str, bad: str
) -> None:
    """Join halves by key, never by position; keys of one half only go to quarantine."""
    key = KEY_COLUMN[halves[0].table.name]
    columns = _columns_of_halves(halves)
    joined = " ".join(
        f"INNER JOIN (SELECT * FROM {quoted(name)} LIMIT 1 BY date, {key}) AS h{n} "
        f"ON h0.date = h{n}.date AND h0.{key} = h{n}.{key}"
        for n, name in enumerate(merged[1:], start=1)
    )
    flags = " + ".join(f"h{n}.unwrapped_count" for n in range(len(merged)))
    ors = "h0.dialect_flags"
    for n in range(1, len(merged)):
        ors = f"bitOr({ors}, h{n}.dialect_flags)"
    names = ", ".join(quoted(name) for name in (*columns, *READING))
    values = ", ".join(f"h{n}.{quoted(name)}" for name, n in columns.items())
    warehouse.execute(
        f"INSERT INTO {quoted(stage)} ({names}) SELECT {values}, {ors}, toUInt8(least(255, {flags})) "
        f"FROM {quoted(merged[0])} AS h0 {joined}"
    )
    _quarantine_lone_keys(warehouse, halves, merged, bad, key)


def _columns_of_halves(halves: Sequence[StagedRequest]) -> dict[str, int]:
    """Which half each column is taken from."""
    columns = {"counter_id": 0}
    for n, half in enumerate(halves):
        columns |= {field.column: n for field in half.fields if field.column not in columns}
    if "watch_ids" in columns:
        columns["watch_ids_truncated"] = columns["watch_ids"]
    return columns


def _quarantine_lone_keys(
    warehouse: Warehouse, halves: Sequence[StagedRequest], merged: Sequence[str], bad: str, key: str
) -> None:
    union = " UNION ALL ".join(
        f"SELECT counter_id, date, {key}, {n} AS half FROM {quoted(name)}" for n, name in enumerate(merged)
    )
    request_ids = ", ".join(str(half.request.request_id) for half in halves)
    warehouse.execute(
        f"INSERT INTO {quoted(bad)} (counter_id, date, request_id, part_number, line_number, reason, field, raw) "
        f"SELECT counter_id, date, [{request_ids}][min(half) + 1], 0, 0, 'half_row', '', toString({key}) "
        f"FROM ({union}) GROUP BY counter_id, date, {key} HAVING uniqExact(half) < {len(merged)}"
    )


def _drop_repeated_keys(
    warehouse: Warehouse, table: Table, stage: str, counter_id: int
) -> tuple[Mapping[dt.date, int], Mapping[dt.date, DaySummary]]:
    """Keep one row per key and day, the same one whatever the order of arrival."""
    key = KEY_COLUMN[table.name]
    summaries = summarize_days(warehouse, stage, counter_id, key)
    surplus = {day: summary.row_count - summary.key_count for day, summary in summaries.items()}
    repeated = {day: count for day, count in surplus.items() if count}
    if not repeated:
        return {}, summaries
    unique = f"{stage}u"
    create_staging(warehouse, table, unique)
    order = ", ".join(f"{quoted(column.name)} DESC" for column in table.columns)
    warehouse.execute(
        f"INSERT INTO {quoted(unique)} SELECT * FROM {quoted(stage)} ORDER BY {order} LIMIT 1 BY date, {key}"
    )
    create_staging(warehouse, table, stage)
    attach_days(warehouse, unique, stage, counter_id, summaries)
    return repeated, summarize_days(warehouse, stage, counter_id, key)
