"""Counter-days: what was done to each, and what holds one back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Double, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from include.state.tables.metadata import instant, metadata

# One row per counter ever seen: its zone decides what a day is.
counters = Table(
    "counters",
    metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    instant("checked_at"),
)

# The day manifest: one row per counter, day and stage, written in the transaction that ends the stage.
day_stages = Table(
    "day_stages",
    metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("stage", Text, primary_key=True),  # visits, hits, features, scores, upload
    Column("digest", Text, nullable=False),  # of the stage's output
    Column("input_digest", Text, nullable=False),  # of what the stage read
    Column("counts", JSONB, nullable=False),
    Column("details", JSONB, nullable=False),  # parameters, versions, parts
    Column("run_id", Text, nullable=False),
    Column("duration_seconds", Double, nullable=False),
    instant("finished_at"),
)

# One row per counter-day: what binds its stages together, and what narrows a changed row down.
day_seals = Table(
    "day_seals",
    metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("digest", Text, nullable=False),  # over the two columns below
    Column("stages", JSONB, nullable=False),  # copy of each record in day_stages without its key, by stage
    Column("narrowing", JSONB, nullable=False),  # digests of parts of the stored rows, by stage
    instant("sealed_at"),
)

# Counter-days whose conversions wait for a person; a row stays after its release.
upload_blocks = Table(
    "upload_blocks",
    metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("cause", Text, primary_key=True),  # drift
    Column("details", JSONB, nullable=False),
    Column("evidence_digest", Text, nullable=False),  # of what was found; another finding blocks again
    Column("run_id", Text, nullable=False),
    instant("blocked_at"),
    Column("asked_by", Text, nullable=False, server_default=""),  # the run whose person is being asked
    instant("released_at", required=False),
    Column("released_by", Text, nullable=False, server_default=""),
)

# Estimates of a backfill, kept to be held against what it really took.
backfill_plans = Table(
    "backfill_plans",
    metadata,
    Column("plan_id", UUID(as_uuid=False), primary_key=True),
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("estimate", JSONB, nullable=False),
    instant("planned_at"),
    Index("ix_backfill_plans_counter", "counter_id", "planned_at"),
)
