"""Bringing the parts of one log request into staging tables, a few at a time, each exactly once."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from include.days import utc_now
from include.errors import SourceDataError, SourceUnavailable, StoreConflict
from include.failpoints import failpoint
from include.metrika.client.logs_api import LogPart, LogRequest, LogsApi
from include.metrika.fields.kinds import Field
from include.metrika.loading.part_stream import PartBody, PartDamaged, iter_spooled
from include.metrika.loading.row_statements import insert_quarantine_sql, insert_rows_sql
from include.metrika.loading.tables import quarantine_table
from include.progress import Progress
from include.state.tables import log_parts
from include.warehouse.client import Warehouse, quoted
from include.warehouse.day_swap import STAGE_MARK, create_staging
from include.warehouse.schema import Table, stored_columns

log = logging.getLogger(__name__)

PARALLEL_PARTS = 3  # Metrika allows 3 requests in flight per login
TRIES_PER_PART = 4


@dataclass(frozen=True)
class PartCounts:
    """What became of one part.

    Attributes:
        received: lines behind the header.
        stored: rows in the staging table.
        quarantined: rows in the staging table of the quarantine.
        nulls: rows with a null where the column has a default.
        empty_numbers: rows with an empty number.
        bad_utf8: rows in which bytes were replaced.
        unwrapped: fields that came in double quotes.
    """

    received: int = 0
    stored: int = 0
    quarantined: int = 0
    nulls: int = 0
    empty_numbers: int = 0
    bad_utf8: int = 0
    unwrapped: int = 0


@dataclass(frozen=True)
class StagedRequest:
    """A log request whose parts go to staging tables.

    Attributes:
        order_id: our own id of the request.
        request: the processed request with its parts.
        fields: fields that were asked for.
        table: target definition.
        days: days of the request, ``YYYY-MM-DD``.
        time_zone: the counter's zone.
        quotes: how double quotes are read.
    """

    order_id: str
    request: LogRequest
    fields: tuple[Field, ...]
    table: Table
    days: tuple[str, ...]
    time_zone: str
    quotes: str

    def part_table(self, number: int) -> str:
        """Staging table of one part.

        Args:
            number: the part.

        Returns:
            Table name.
        """
        return f"{self.table.name}{STAGE_MARK}{self.order_id.replace('-', '')[:16]}p{number}"

    def quarantine_part_table(self, number: int) -> str:
        """Staging table of one part's bad rows.

        Args:
            number: the part.

        Returns:
            Table name.
        """
        return f"{self.table.name}_quarantine{STAGE_MARK}{self.order_id.replace('-', '')[:16]}p{number}"


class PartLoader:
    """Loads parts; safe to use from several threads.

    Args:
        warehouse: ClickHouse.
        state: PostgreSQL, which knows the parts that are complete.
        api: the Logs API.
        staged: the request.
    """

    def __init__(self, warehouse: Warehouse, state: Engine, api: LogsApi, staged: StagedRequest) -> None:
        self._warehouse, self._state, self._api, self._staged = warehouse, state, api, staged
        self._accept_gzip = True

    def load_all(self, progress: Progress) -> list[PartCounts]:
        """Load every part that is not in its staging table yet.

        Args:
            progress: told after each part.

        Returns:
            Counts per part, in part order.

        Raises:
            SourceDataError: a part stays damaged, or its header names other fields.
            SourceUnavailable: Metrika does not answer.
        """
        parts = self._staged.request.parts
        known = self._complete_parts()
        missing = [part for part in parts if part.number not in known]
        with ThreadPoolExecutor(PARALLEL_PARTS, thread_name_prefix="part") as pool:
            futures = [pool.submit(self._load, part) for part in missing]
            try:
                for done, (part, future) in enumerate(zip(missing, futures, strict=True), start=len(known) + 1):
                    known[part.number] = future.result()
                    progress(f"downloading {self._staged.table.name}, part {done} of {len(parts)}", done, len(parts))
            finally:
                for future in futures:
                    future.cancel()
        return [known[part.number] for part in parts]

    def _complete_parts(self) -> dict[int, PartCounts]:
        with self._state.connect() as connection:
            rows = connection.execute(select(log_parts).where(log_parts.c.order_id == self._staged.order_id)).mappings()
            found = {row["part_number"]: PartCounts(**row["counts"]) for row in rows}
        return {number: counts for number, counts in found.items() if self._is_staged(number, counts)}

    def _is_staged(self, number: int, counts: PartCounts) -> bool:
        name = self._staged.part_table(number)
        if not stored_columns(self._warehouse, name):
            return False
        return bool(self._warehouse.scalar(f"SELECT count() FROM {quoted(name)}") == counts.stored)

    def _load(self, part: LogPart) -> PartCounts:
        for attempt in range(1, TRIES_PER_PART + 1):
            try:
                counts = self._fetch(part)
                break
            except PartDamaged as error:
                self._accept_gzip = False
                log.warning("part %d of request %d, try %d: %s", part.number, self._request_id, attempt, error.message)
                if attempt == TRIES_PER_PART:
                    raise SourceDataError(
                        f"Part {part.number} of log request {self._request_id} came damaged {attempt} times "
                        f"({error.message}); nothing was stored, load the day again later.",
                        request_id=self._request_id,
                    ) from None
            except SourceUnavailable as error:
                log.warning("part %d of request %d, try %d: %s", part.number, self._request_id, attempt, error.message)
                if attempt == TRIES_PER_PART:
                    raise
        failpoint("load.part_stored")
        self._record(part, counts)
        failpoint("load.part_recorded")
        return counts

    @property
    def _request_id(self) -> int:
        return self._staged.request.request_id

    def _fetch(self, part: LogPart) -> PartCounts:
        table = self._staged.part_table(part.number)
        create_staging(self._warehouse, self._staged.table, table)
        failpoint("load.part_table_created")
        with (
            tempfile.TemporaryFile() as spool,
            self._api.open_part(self._staged.request, part.number, accept_gzip=self._accept_gzip) as stream,
        ):
            body = PartBody(stream.encoding, stream.iter_raw(), spool)
            fields = self._header_fields(body, part)
            sql = insert_rows_sql(table, fields, self._staged.quotes)
            self._warehouse.insert_stream(sql, body.iter_body(), self._parameters(part))
            body.check_size(part.size_bytes, part.number)
            failpoint("load.part_streamed")
            counts = self._count(table, body.line_count)
            if counts.quarantined:
                self._quarantine(part, fields, iter_spooled(stream.encoding, spool), counts.quarantined)
        return counts

    def _header_fields(self, body: PartBody, part: LogPart) -> tuple[Field, ...]:
        if not body.header and not part.size_bytes:
            return self._staged.fields  # an empty part may come without a header
        by_name: Mapping[str, Field] = {name: field for field in self._staged.fields for name in field.names}
        unknown = [name for name in body.header if name not in by_name]
        found = [by_name[name] for name in body.header if name in by_name]
        missing = [field.api_name for field in self._staged.fields if field not in found]
        if unknown or missing or len(found) != len(self._staged.fields):
            self._refuse_damage(body, part)
            raise SourceDataError(
                f"Part {part.number} of log request {self._request_id} has another header than was asked for: "
                f"missing {', '.join(missing) or 'none'}; unexpected {', '.join(unknown) or 'none'}.",
                request_id=self._request_id,
            )
        return tuple(found)

    @staticmethod
    def _refuse_damage(body: PartBody, part: LogPart) -> None:
        """An empty or foreign page in place of a part has another size, and is fetched again."""
        for _ in body.iter_body():
            pass
        body.check_size(part.size_bytes, part.number)

    def _parameters(self, part: LogPart) -> dict[str, str]:
        quoted_days = ",".join(f"'{day}'" for day in self._staged.days)
        return {
            "counter_id": str(self._staged.request.counter_id),
            "zone": self._staged.time_zone,
            "days": f"[{quoted_days}]",
            "request_id": str(self._request_id),
            "part": str(part.number),
        }

    def _count(self, table: str, received: int) -> PartCounts:
        stored, nulls, empty, bad, unwrapped = self._warehouse.execute(
            "SELECT count(), countIf(bitAnd(dialect_flags, 1) > 0), countIf(bitAnd(dialect_flags, 2) > 0), "
            f"countIf(bitAnd(dialect_flags, 4) > 0), sum(unwrapped_count) FROM {quoted(table)}"
        )[0]
        return PartCounts(received, stored, received - stored, nulls, empty, bad, unwrapped)

    def _quarantine(self, part: LogPart, fields: Sequence[Field], body: object, expected: int) -> None:
        definition = quarantine_table(self._staged.table.name)
        table = self._staged.quarantine_part_table(part.number)
        create_staging(self._warehouse, definition, table)
        sql = insert_quarantine_sql(table, fields, self._staged.quotes)
        self._warehouse.insert_stream(sql, body, self._parameters(part))  # type: ignore[arg-type]
        found = self._warehouse.scalar(f"SELECT count() FROM {quoted(table)}")
        if found != expected:
            raise StoreConflict(
                f"Part {part.number} of log request {self._request_id}: {expected} rows were not stored but {found} "
                "went to quarantine; nothing was swapped in, load the day again."
            )

    def _record(self, part: LogPart, counts: PartCounts) -> None:
        values = {
            "order_id": self._staged.order_id,
            "part_number": part.number,
            "counts": asdict(counts),
            "size_bytes": part.size_bytes or 0,
            "stored_at": utc_now(),
        }
        statement = insert(log_parts).values(values)
        changed = {name: values[name] for name in ("counts", "size_bytes", "stored_at")}
        with self._state.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["order_id", "part_number"], set_=changed)
            )


def total(counts: Sequence[PartCounts]) -> PartCounts:
    """Add up the counts of several parts.

    Args:
        counts: one entry per part.

    Returns:
        Their sums.
    """
    names = PartCounts.__dataclass_fields__
    return PartCounts(**{name: sum(getattr(one, name) for one in counts) for name in names})


def days_of(first: dt.date, last: dt.date) -> tuple[str, ...]:
    """Days of a request as texts.

    Args:
        first: first day.
        last: last day.

    Returns:
        ``YYYY-MM-DD`` of each day.
    """
    return tuple((first + dt.timedelta(days=n)).isoformat() for n in range((last - first).days + 1))
