"""What the HTTP API remembers of requests."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from include.state.tables.metadata import instant, metadata

# Tasks created through the API; the token of a request body lives here encrypted until its run ends.
api_tasks = Table(
    "api_tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # visits, conversions
    Column("parameters", JSONB, nullable=False),
    Column("parameters_sha256", Text, nullable=False),
    Column("progress", SmallInteger, nullable=False, server_default="0"),  # highest shown, never falls
    Column("encrypted_token", LargeBinary, nullable=True),
    Column("created_by", Text, nullable=False),
    instant("created_at"),
    instant("finished_at", required=False),
    Index("ix_api_tasks_parameters", "kind", "parameters_sha256"),
)

# Stored answers of requests with an Idempotency-Key.
api_replays = Table(
    "api_replays",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("body_sha256", Text, nullable=False),
    Column("status", SmallInteger, nullable=True),  # null while the first request runs
    Column("answer", LargeBinary, nullable=True),
    instant("created_at"),
)
