"""The conversion ledger and its files."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from include.state.tables.metadata import instant, metadata

# Files of conversions: one row per file ever prepared; a row exists before anything is sent.
conversion_uploads = Table(
    "conversion_uploads",
    metadata,
    Column("upload_id", UUID(as_uuid=False), primary_key=True),
    Column("counter_id", BigInteger, nullable=False),
    Column("target", Text, nullable=False),
    Column("identifier_kind", Text, nullable=False),  # CLIENT_ID, USER_ID, YCLID, PURCHASE_ID
    Column("comment", Text, nullable=False, unique=True),  # batch token, found again in Metrika's list
    Column("file_sha256", Text, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column(
        "stage", Text, nullable=False
    ),  # prepared uploaded processing unknown done failed_linkage refused goal_not_found
    Column("attempt", SmallInteger, nullable=False, server_default="1"),
    Column("metrika_upload_id", BigInteger, nullable=True),
    Column("metrika_status", Text, nullable=False, server_default=""),
    Column("source_quantity", Integer, nullable=True),
    Column("line_quantity", Integer, nullable=True),
    Column("linked_quantity", Integer, nullable=True),
    Column("goal_not_found_quantity", Integer, nullable=True),
    Column("user_not_found_quantity", Integer, nullable=True),
    Column("error", Text, nullable=True),
    Column("run_id", Text, nullable=False),
    Column("task_id", Text, nullable=False, server_default=""),  # API task the upload belongs to
    instant("prepared_at"),
    instant("sent_at", required=False),
    instant("checked_at", required=False),
    instant("finished_at", required=False),
    Index("ix_conversion_uploads_open", "counter_id", postgresql_where=text("finished_at IS NULL")),
    Index("ix_conversion_uploads_task", "task_id"),
)

# The conversion ledger: what was decided about each conversion, once and for all.
conversions = Table(
    "conversions",
    metadata,
    Column("conversion_id", UUID(as_uuid=False), primary_key=True),
    Column("counter_id", BigInteger, nullable=False),
    Column("target", Text, nullable=False),
    Column("identifier_kind", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("event_at", DateTime(timezone=True), nullable=False),  # visit start or given time, without the offset
    Column("visit_id", Numeric(20, 0), nullable=False, server_default="0"),  # 0: a single conversion
    Column("day", Date, nullable=False),  # local day of event_at
    Column("sent_epoch_seconds", BigInteger, nullable=False),  # DateTime column of the file
    Column("price", Numeric(18, 2), nullable=True),
    Column("currency", Text, nullable=False, server_default=""),
    Column("stage", Text, nullable=False),  # held, refused, goal_not_found, or placed: then the stage of its upload
    Column("held_reason", Text, nullable=False, server_default=""),
    Column("upload_id", UUID(as_uuid=False), ForeignKey("conversion_uploads.upload_id"), nullable=True),
    Column("line_number", Integer, nullable=True),  # from 1, without the header
    Column("is_withdrawn", Boolean, nullable=False, server_default=text("false")),
    instant("decided_at"),
    UniqueConstraint(
        "counter_id", "target", "identifier_kind", "identifier", "event_at", "visit_id", name="uq_conversions_key"
    ),
    Index("ix_conversions_day", "counter_id", "day"),
    Index("ix_conversions_upload", "upload_id"),
    Index("ix_conversions_visit", "counter_id", "visit_id"),
)
