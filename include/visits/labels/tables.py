"""Tables of labels: what is known of a visit, from whom, and since when."""

from __future__ import annotations

from include.warehouse.schema import Column, Table

_VISIT = (
    Column("counter_id", "UInt32", "counter the visit belongs to"),
    Column("date", "Date", "day the visit started on, in the counter's zone"),
    Column("visit_id", "UInt64", "Metrika's visit id, unique within one year"),
    Column("client_id", "UInt64", "first-party cookie id"),
    Column("source", "String", "who says so, for example csv, goal-17 or events"),
    Column("label", "UInt8", "1 when the visit is of level 4 or higher"),
    Column("level", "Nullable(UInt8)", "activity level a person gave, NULL when only the label is known"),
)
_TIMES = (
    Column("window_ends_at", "Nullable(DateTime('UTC'))", "until when the outcome was awaited, NULL when it was not"),
    Column("event_at", "Nullable(DateTime('UTC'))", "first goal or event of a positive visit; features end before it"),
)

VISIT_LABELS = Table(
    name="visit_labels",
    columns=(
        *_VISIT,
        Column("labelled_at", "DateTime('UTC')", "when the truth was known"),
        *_TIMES,
        Column("imported_at", "DateTime('UTC')", "when this row was stored first"),
    ),
    order_by=("counter_id", "date", "source", "visit_id"),
    meaning="one row per visit and source",
)

# The tables below live only as staging tables of one import.
FOUND_LABELS = Table(
    name="found_labels",
    columns=(
        *_VISIT,
        Column("labelled_at", "Nullable(DateTime('UTC'))", "when the truth was known, NULL when nobody said"),
        *_TIMES,
    ),
    order_by=("counter_id", "date", "visit_id"),
    partition_by=(),
    meaning="one row per stored visit that an import labels",
)
LABEL_ROWS = Table(
    name="label_rows",
    columns=(
        Column("line", "UInt64", "line of the file, from 1"),
        Column("visit_id", "UInt64", "Metrika's visit id"),
        Column("label", "UInt8", "1 when the visit is of level 4 or higher"),
        Column("level", "Nullable(UInt8)", "activity level as given"),
        Column("labelled_at", "Nullable(DateTime('UTC'))", "when the truth was known"),
    ),
    order_by=("visit_id", "line"),
    partition_by=(),
    shard_by="visit_id",
    meaning="one row per line of a file of labels",
)
LABEL_EVENTS = Table(
    name="label_events",
    columns=(
        Column("client_id", "UInt64", "first-party cookie id"),
        Column("occurred_at", "DateTime('UTC')", "when the client did it"),
    ),
    order_by=("client_id", "occurred_at"),
    partition_by=(),
    meaning="one row per line of a file of events",
)

TABLES = (VISIT_LABELS,)
