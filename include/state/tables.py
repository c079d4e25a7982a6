"""Tables of the state: everything that is decided, promised or followed, in PostgreSQL.

Times are ``timestamptz`` in UTC; days are ``date`` in the counter's zone. Counts live in ``jsonb``
beside the digest they belong to, so a stage can add a count without a migration.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _instant(name: str, *, required: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required)


# One row per counter ever seen: its zone decides what a day is.
counters = Table(
    "counters",
    metadata,
    Column("counter_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    _instant("checked_at"),
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
    _instant("finished_at"),
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
    _instant("sealed_at"),
)

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
    _instant("ordered_at"),
    _instant("released_at", required=False),
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
    _instant("stored_at"),
)

# One token bucket per quota key, shared by all processes.
quota_buckets = Table(
    "quota_buckets",
    metadata,
    Column("bucket_key", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    _instant("filled_at"),
)

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
    _instant("prepared_at"),
    _instant("sent_at", required=False),
    _instant("checked_at", required=False),
    _instant("finished_at", required=False),
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
    _instant("decided_at"),
    UniqueConstraint(
        "counter_id", "target", "identifier_kind", "identifier", "event_at", "visit_id", name="uq_conversions_key"
    ),
    Index("ix_conversions_day", "counter_id", "day"),
    Index("ix_conversions_upload", "upload_id"),
    Index("ix_conversions_visit", "counter_id", "visit_id"),
)

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
    _instant("registered_at"),
    _instant("promoted_at", required=False),
    Index("uq_models_production", "name", unique=True, postgresql_where=text("stage = 'production'")),
)

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
    _instant("created_at"),
    _instant("finished_at", required=False),
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
    _instant("created_at"),
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
    _instant("promoted_at"),
    Index("ix_model_promotions_name", "name", "promotion_id"),
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
    _instant("blocked_at"),
    Column("asked_by", Text, nullable=False, server_default=""),  # the run whose person is being asked
    _instant("released_at", required=False),
    Column("released_by", Text, nullable=False, server_default=""),
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
    _instant("asked_at"),
    _instant("applied_at", required=False),
    Column("applied_by", Text, nullable=False, server_default=""),
    Column("applied_run_id", Text, nullable=False, server_default=""),
    Index("ix_what_ifs_counter", "counter_id", "asked_at"),
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
    _instant("planned_at"),
    Index("ix_backfill_plans_counter", "counter_id", "planned_at"),
)
