"""Create the ledger, manifest and registry"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of the first version."""
    _create_api_replays()
    _create_api_tasks()
    _create_conversion_uploads()
    _create_counters()
    _create_day_stages()
    _create_log_requests()
    _create_models()
    _create_quota_buckets()
    _create_conversions()
    _create_log_parts()


def downgrade() -> None:
    """Drop them again, in reverse order."""
    op.drop_table("log_parts")
    op.drop_index("ix_conversions_visit", table_name="conversions")
    op.drop_index("ix_conversions_upload", table_name="conversions")
    op.drop_index("ix_conversions_day", table_name="conversions")
    op.drop_table("conversions")
    op.drop_table("quota_buckets")
    op.drop_index("uq_models_production", table_name="models", postgresql_where=sa.text("stage = 'production'"))
    op.drop_table("models")
    op.drop_index("ix_log_requests_open", table_name="log_requests", postgresql_where=sa.text("released_at IS NULL"))
    op.drop_table("log_requests")
    op.drop_table("day_stages")
    op.drop_table("counters")
    op.drop_index("ix_conversion_uploads_task", table_name="conversion_uploads")
    op.drop_index(
        "ix_conversion_uploads_open", table_name="conversion_uploads", postgresql_where=sa.text("finished_at IS NULL")
    )
    op.drop_table("conversion_uploads")
    op.drop_index("ix_api_tasks_parameters", table_name="api_tasks")
    op.drop_table("api_tasks")
    op.drop_table("api_replays")


def _create_api_replays() -> None:
    op.create_table(
        "api_replays",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "method", "path", "idempotency_key", name=op.f("pk_api_replays")),
    )


def _create_api_tasks() -> None:
    op.create_table(
        "api_tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters_sha256", sa.Text(), nullable=False),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("encrypted_token", sa.LargeBinary(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_api_tasks")),
    )
    op.create_index("ix_api_tasks_parameters", "api_tasks", ["kind", "parameters_sha256"], unique=False)


def _create_conversion_uploads() -> None:
    op.create_table(
        "conversion_uploads",
        sa.Column("upload_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("identifier_kind", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("metrika_upload_id", sa.BigInteger(), nullable=True),
        sa.Column("metrika_status", sa.Text(), server_default="", nullable=False),
        sa.Column("source_quantity", sa.Integer(), nullable=True),
        sa.Column("line_quantity", sa.Integer(), nullable=True),
        sa.Column("linked_quantity", sa.Integer(), nullable=True),
        sa.Column("goal_not_found_quantity", sa.Integer(), nullable=True),
        sa.Column("user_not_found_quantity", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), server_default="", nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_conversion_uploads")),
        sa.UniqueConstraint("comment", name=op.f("uq_conversion_uploads_comment")),
    )
    op.create_index(
        "ix_conversion_uploads_open",
        "conversion_uploads",
        ["counter_id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_conversion_uploads_task", "conversion_uploads", ["task_id"], unique=False)


def _create_counters() -> None:
    op.create_table(
        "counters",
        sa.Column("counter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counter_id", name=op.f("pk_counters")),
    )


def _create_day_stages() -> None:
    op.create_table(
        "day_stages",
        sa.Column("counter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("input_digest", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counter_id", "day", "stage", name=op.f("pk_day_stages")),
    )


def _create_log_requests() -> None:
    op.create_table(
        "log_requests",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("floor_request_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("metrika_status", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_log_requests")),
    )
    op.create_index(
        "ix_log_requests_open",
        "log_requests",
        ["counter_id"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
    )


def _create_models() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("features", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_models")),
    )
    op.create_index(
        "uq_models_production", "models", ["name"], unique=True, postgresql_where=sa.text("stage = 'production'")
    )


def _create_quota_buckets() -> None:
    op.create_table(
        "quota_buckets",
        sa.Column("bucket_key", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket_key", name=op.f("pk_quota_buckets")),
    )


def _create_conversions() -> None:
    op.create_table(
        "conversions",
        sa.Column("conversion_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("identifier_kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visit_id", sa.Numeric(precision=20, scale=0), server_default="0", nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent_epoch_seconds", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("held_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("upload_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("line_number", sa.Integer(), nullable=True),
        sa.Column("is_withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["conversion_uploads.upload_id"], name=op.f("fk_conversions_upload_id")),
        sa.PrimaryKeyConstraint("conversion_id", name=op.f("pk_conversions")),
        sa.UniqueConstraint(
            "counter_id", "target", "identifier_kind", "identifier", "event_at", "visit_id", name="uq_conversions_key"
        ),
    )
    op.create_index("ix_conversions_day", "conversions", ["counter_id", "day"], unique=False)
    op.create_index("ix_conversions_upload", "conversions", ["upload_id"], unique=False)
    op.create_index("ix_conversions_visit", "conversions", ["counter_id", "visit_id"], unique=False)


def _create_log_parts() -> None:
    op.create_table(
        "log_parts",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("part_number", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["log_requests.order_id"], name=op.f("fk_log_parts_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "part_number", name=op.f("pk_log_parts")),
    )
