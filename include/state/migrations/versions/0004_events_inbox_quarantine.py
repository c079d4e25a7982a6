"""Create projects, event schemas, receipts, the inbox and the quarantine"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TOTALS = (
    "received_count",
    "accepted_count",
    "duplicate_count",
    "rejected_count",
    "replayed_count",
    "landed_count",
    "replayed_quarantine_count",
    "discarded_quarantine_count",
)


def upgrade() -> None:
    """Create the tables."""
    _create_event_loads()
    _create_event_seen()
    _create_ingest_offsets()
    _create_projects()
    _create_event_totals()
    _create_event_quarantine()
    _create_event_types()
    _create_persons()
    _create_receipts()
    _create_event_schemas()
    _create_identities()
    _create_inbox_batches()
    op.execute(
        "INSERT INTO projects (project_number, project, app_name, name_key, owner, created_at) "
        "VALUES (0, 'default', 'default', 'default', '', now())"
    )


def downgrade() -> None:
    """Drop them again, in reverse order."""
    op.drop_table("inbox_batches")
    op.drop_table("identities")
    op.drop_table("event_schemas")
    op.drop_table("receipts")
    op.drop_table("persons")
    op.drop_table("event_types")
    op.drop_table("event_quarantine")
    op.drop_table("event_totals")
    op.drop_table("projects")
    op.drop_table("ingest_offsets")
    op.drop_table("event_seen")
    op.drop_table("event_loads")


def _create_event_loads() -> None:
    op.create_table(
        "event_loads",
        sa.Column("load_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_count", sa.Integer(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("landed_count", sa.BigInteger(), nullable=True),
        sa.Column("repeat_count", sa.BigInteger(), nullable=True),
        sa.Column("first_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_seconds", sa.Double(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("load_id", name=op.f("pk_event_loads")),
    )
    op.create_index(
        "ix_event_loads_open", "event_loads", ["load_id"], unique=False, postgresql_where=sa.text("landed_at IS NULL")
    )


def _create_event_seen() -> None:
    op.create_table(
        "event_seen",
        sa.Column("project_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_number", "event_id", name=op.f("pk_event_seen")),
    )
    op.create_index("ix_event_seen_receipt", "event_seen", ["receipt_number"], unique=False, postgresql_using="brin")


def _create_event_totals() -> None:
    op.create_table(
        "event_totals",
        sa.Column("project_number", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in TOTALS),
        sa.ForeignKeyConstraint(
            ["project_number"], ["projects.project_number"], name=op.f("fk_event_totals_project_number")
        ),
        sa.PrimaryKeyConstraint("project_number", "day", name=op.f("pk_event_totals")),
    )


def _create_ingest_offsets() -> None:
    op.create_table(
        "ingest_offsets",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("high_watermark", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("topic_id", sa.Text(), server_default="", nullable=False),
        sa.Column("lost_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("restart_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_ingest_offsets")),
    )


def _create_projects() -> None:
    op.create_table(
        "projects",
        sa.Column("project_number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("app_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="lenient", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("max_age_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column(
            "aliases",
            postgresql.JSONB(),
            server_default=sa.text('\'{"view_page": "page_view"}\'::jsonb'),
            nullable=False,
        ),
        sa.Column("schema_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_number", name=op.f("pk_projects")),
        sa.UniqueConstraint("project", name=op.f("uq_projects_project")),
    )
    op.create_index("uq_projects_owner_name", "projects", ["owner", "name_key"], unique=True)


def _create_event_quarantine() -> None:
    op.create_table(
        "event_quarantine",
        sa.Column("quarantine_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("project_number", sa.Integer(), nullable=False),
        sa.Column("receipt_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_position", sa.Text(), server_default="", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("sender", postgresql.JSONB(), nullable=False),
        sa.Column("event_id", sa.Text(), server_default="", nullable=False),
        sa.Column("event_name", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replay_receipt_number", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_copied", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_number"], ["projects.project_number"], name=op.f("fk_event_quarantine_project_number")
        ),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_event_quarantine")),
    )
    op.create_index("ix_event_quarantine_project", "event_quarantine", ["project_number", "received_at"], unique=False)
    op.create_index("ix_event_quarantine_receipt", "event_quarantine", ["receipt_number"], unique=False)
    op.create_index(
        "ix_event_quarantine_uncopied",
        "event_quarantine",
        ["quarantine_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_copied"),
    )


def _create_event_types() -> None:
    op.create_table(
        "event_types",
        sa.Column("project_number", sa.Integer(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("event_code", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_number"], ["projects.project_number"], name=op.f("fk_event_types_project_number")
        ),
        sa.PrimaryKeyConstraint("project_number", "event_name", name=op.f("pk_event_types")),
        sa.UniqueConstraint("event_code", name=op.f("uq_event_types_event_code")),
    )


def _create_persons() -> None:
    op.create_table(
        "persons",
        sa.Column("person_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("project_number", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_number"], ["projects.project_number"], name=op.f("fk_persons_project_number")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_persons")),
    )
    op.create_index("ix_persons_project", "persons", ["project_number"], unique=False)


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("receipt_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("receipt_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("project_number", sa.Integer(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column("body_key", sa.Text(), nullable=True),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("received_count", sa.Integer(), nullable=False),
        sa.Column("accepted_count", sa.Integer(), nullable=False),
        sa.Column("duplicate_count", sa.Integer(), nullable=False),
        sa.Column("rejected_count", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_number"], ["projects.project_number"], name=op.f("fk_receipts_project_number")
        ),
        sa.PrimaryKeyConstraint("receipt_number", name=op.f("pk_receipts")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_receipts_receipt_id")),
    )
    op.create_index("ix_receipts_project", "receipts", ["project_number", "received_at"], unique=False)
    op.create_index("ix_receipts_received", "receipts", ["received_at"], unique=False)
    op.create_index(
        "uq_receipts_body",
        "receipts",
        ["principal", "body_key"],
        unique=True,
        postgresql_where=sa.text("body_key IS NOT NULL"),
    )
    op.create_index(
        "uq_receipts_request",
        "receipts",
        ["principal", "request_key"],
        unique=True,
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )


def _create_event_schemas() -> None:
    op.create_table(
        "event_schemas",
        sa.Column("event_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_code"], ["event_types.event_code"], name=op.f("fk_event_schemas_event_code")),
        sa.PrimaryKeyConstraint("event_code", "version", name=op.f("pk_event_schemas")),
    )


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("project_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.UUID(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.person_id"], name=op.f("fk_identities_person_id")),
        sa.PrimaryKeyConstraint("project_number", "namespace", "external_id", name=op.f("pk_identities")),
    )
    op.create_index("ix_identities_person", "identities", ["person_id"], unique=False)


def _create_inbox_batches() -> None:
    op.create_table(
        "inbox_batches",
        sa.Column("receipt_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["load_id"], ["event_loads.load_id"], name=op.f("fk_inbox_batches_load_id")),
        sa.ForeignKeyConstraint(
            ["receipt_number"], ["receipts.receipt_number"], name=op.f("fk_inbox_batches_receipt_number")
        ),
        sa.PrimaryKeyConstraint("receipt_number", name=op.f("pk_inbox_batches")),
    )
    op.create_index("ix_inbox_batches_load", "inbox_batches", ["load_id"], unique=False)
    op.create_index(
        "ix_inbox_batches_waiting",
        "inbox_batches",
        ["receipt_number"],
        unique=False,
        postgresql_where=sa.text("load_id IS NULL"),
    )
