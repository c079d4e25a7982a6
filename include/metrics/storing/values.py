"""Writing the values of a batch: what is equal stays untouched, what changes in a closed period is restated."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, text

from include.errors import StoreError
from include.failpoints import failpoint
from include.metrics.names import Metric
from include.metrics.storing.slices import close_slices, place_slices
from include.metrics.storing.statements import statement
from include.metrics.storing.writing import StoredReport, Writing
from include.metrics.values.batches import Batch
from include.metrics.values.computing import ValueRow
from include.state.engine import reachable
from include.warehouse.http_streams import ByteReader

TOLERANCE = 1e-9  # relative; two engines agree to this much, so less is no change
FAILPOINTS = (
    "metrics_store.copied",
    "metrics_store.checked",
    "metrics_store.slices_placed",
    "metrics_store.restated",
    "metrics_store.vanished_removed",
    "metrics_store.values_written",
    "metrics_store.slices_closed",
    "metrics_store.committed",
)
SORT_MEMORY = "64MB"  # of a transaction: sorting a full batch on disk takes twice as long
_COPY = "COPY incoming_values FROM STDIN"


def store_values(engine: Engine, reader: ByteReader, batch: Batch, writing: Writing) -> StoredReport:
    """Put computed values in place of the stored ones of the same slices, in one transaction.

    Args:
        engine: the state engine.
        reader: the values, tab-separated, in the columns of ``VALUE_COLUMNS``.
        batch: the course, periods and cards they were computed for; slices nobody is in are stored too.
        writing: who writes, when and why, and the check of the sample.

    Returns:
        What changed.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
        StoreError: a value belongs to no slice of the batch.
        MetricsDisagree: the check of the sample failed; nothing was written.
    """
    with reachable(engine), engine.begin() as connection:
        came = _take_in(connection, reader)
        failpoint("metrics_store.copied")
        writing.check(_sampled(connection, writing))
        failpoint("metrics_store.checked")
        new_slices = place_slices(connection, batch, writing)
        failpoint("metrics_store.slices_placed")
        report = _replace(connection, batch, writing, came, new_slices)
    failpoint("metrics_store.committed")
    return report


def _take_in(connection: Connection, reader: ByteReader) -> int:
    connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": SORT_MEMORY})
    connection.execute(statement("incoming_values"))
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(_COPY, reader)
        came = int(cursor.rowcount)
    connection.execute(text("ANALYZE incoming_values"))  # or the joins below are planned for a table of no rows
    return came


def _sampled(connection: Connection, writing: Writing) -> list[ValueRow]:
    rows = connection.execute(statement("sampled_values"), {"person_ids": list(writing.person_ids)}).mappings()
    return [_value_row(row) for row in rows]


def _value_row(row: RowMapping) -> ValueRow:
    kept = None if row["by_timeout"] is None else tuple(row["by_timeout"])
    return ValueRow(**{**row, "metric": Metric(row["metric"]), "by_timeout": kept})


def _replace(connection: Connection, batch: Batch, writing: Writing, came: int, new_slices: int) -> StoredReport:
    slices = len(batch.cards) * len(batch.periods)
    by_whom = {"run_id": writing.run_id, "now": writing.now}
    connection.execute(text("ANALYZE placed_slices"))
    connection.execute(statement("changes"), {"tolerance": TOLERANCE})
    restated = connection.execute(statement("restate"), by_whom).rowcount
    failpoint("metrics_store.restated")
    vanished = connection.execute(statement("remove_vanished")).rowcount
    failpoint("metrics_store.vanished_removed")
    changed = connection.execute(statement("update_changed")).rowcount
    first = connection.execute(statement("insert_first")).rowcount
    failpoint("metrics_store.values_written")
    counts = close_slices(connection, writing)
    failpoint("metrics_store.slices_closed")
    if (sum(counts), len(counts)) != (came, slices):
        raise StoreError(
            f"Course {batch.course.course_id}: {came} values were computed for {slices} slices, but {sum(counts)} in "
            f"{len(counts)} would be stored; nothing was written. Run it again, and report it if it stays."
        )
    return StoredReport(slices, new_slices, came, vanished + changed + first, restated, vanished)
