"""Our requests to Metrika, and the quota they share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Double, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from include.state.tables.metadata import instant, metadata

# Own log requests at Metrika; a row exists before the create call, so that none can leak unseen.
log_requests = Table(
    "log_requests",
    metadata,
    Column("order_id", UUID(as_uuid=False), primary_key=True),
    Column("counter_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),  # visits, hits
    Column("first_date", Date, nullable=False),
    Column("last_date", Date, nullable=False),
    Column("fields", Text, nullable=False),  # comma list as sent
    Column("floor_request_id", BigInteger, nullable=False),  # highest id listed just before the create
    Column("request_id", BigInteger, nullable=True),
    Column("status", Text, nullable=False),  # ordered, created, processed, loaded, released, failed
    Column("metrika_status", Text, nullable=False, server_default=""),
    Column("run_id", Text, nullable=False),
    instant("ordered_at"),
    instant("released_at", required=False),
    Index("ix_log_requests_open", "counter_id", postgresql_where=text("released_at IS NULL")),
)

# Parts of a log request that are completely in their staging table.
log_parts = Table(
    "log_parts",
    metadata,
    Column(
        "order_id",
        UUID(as_uuid=False),
        ForeignKey("log_requests.order_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("part_number", Integer, primary_key=True),
    Column("counts", JSONB, nullable=False),  # received, stored, quarantined, unwrapped, nulls ...
    Column("size_bytes", BigInteger, nullable=False),
    instant("stored_at"),
)

# One token bucket per quota key, shared by all processes.
quota_buckets = Table(
    "quota_buckets",
    metadata,
    Column("bucket_key", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    instant("filled_at"),
)
