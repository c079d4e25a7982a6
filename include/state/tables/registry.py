"""Model versions, their promotions, and questions about other ones."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Double, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from include.state.tables.metadata import instant, metadata

# Model versions; the artefact lies in the models folder under its digest.
models = Table(
    "models",
    metadata,
    Column("name", Text, primary_key=True),  # level4_desktop, level4_mobile
    Column("version", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("features", JSONB, nullable=False),  # list in the order the estimator wants
    Column("threshold", Double, nullable=False),
    Column("stage", Text, nullable=False),  # candidate, production, archived
    Column("manifest", JSONB, nullable=False),  # training range, metrics, library versions
    instant("registered_at"),
    instant("promoted_at", required=False),
    Index("uq_models_production", "name", unique=True, postgresql_where=text("stage = 'production'")),
)

# Every change of the version in production, newest last: what a roll-back goes back to.
model_promotions = Table(
    "model_promotions",
    metadata,
    Column("promotion_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("replaced_version", Text, nullable=False, server_default=""),  # empty: none was in production
    Column("cause", Text, nullable=False),  # import, command, gate, approval, what_if, rollback
    Column("run_id", Text, nullable=False, server_default=""),
    instant("promoted_at"),
    Index("ix_model_promotions_name", "name", "promotion_id"),
)

# Questions "what would another model or threshold have decided", and whether the answer was applied.
what_ifs = Table(
    "what_ifs",
    metadata,
    Column("what_if_id", UUID(as_uuid=False), primary_key=True),
    Column("counter_id", BigInteger, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("proposal", JSONB, nullable=False),  # version and threshold by model name
    Column("summary", JSONB, nullable=False),  # added, removed, kept per day and their value
    Column("input_digest", Text, nullable=False),  # of the days and models it was computed from
    Column("run_id", Text, nullable=False),
    instant("asked_at"),
    instant("applied_at", required=False),
    Column("applied_by", Text, nullable=False, server_default=""),
    Column("applied_run_id", Text, nullable=False, server_default=""),
    Index("ix_what_ifs_counter", "counter_id", "asked_at"),
)
