"""Create promotions, upload blocks, what-ifs, backfill plans and day seals"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of trained models and proofs."""
    _create_model_promotions()
    _create_upload_blocks()
    _create_what_ifs()
    _create_backfill_plans()
    _create_day_seals()


def downgrade() -> None:
    """Drop them again, in reverse order."""
    op.drop_table("day_seals")
    op.drop_index("ix_backfill_plans_counter", table_name="backfill_plans")
    op.drop_table("backfill_plans")
    op.drop_index("ix_what_ifs_counter", table_name="what_ifs")
    op.drop_table("what_ifs")
    op.drop_table("upload_blocks")
    op.drop_index("ix_model_promotions_name", table_name="model_promotions")
    op.drop_table("model_promotions")


def _create_model_promotions() -> None:
    op.create_table(
        "model_promotions",
        sa.Column("promotion_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("replaced_version", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_model_promotions")),
    )
    op.create_index("ix_model_promotions_name", "model_promotions", ["name", "promotion_id"])


def _create_upload_blocks() -> None:
    op.create_table(
        "upload_blocks",
        sa.Column("counter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("evidence_digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("counter_id", "day", "cause", name=op.f("pk_upload_blocks")),
    )


def _create_what_ifs() -> None:
    op.create_table(
        "what_ifs",
        sa.Column("what_if_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("proposal", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.Column("input_digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_by", sa.Text(), server_default="", nullable=False),
        sa.Column("applied_run_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("what_if_id", name=op.f("pk_what_ifs")),
    )
    op.create_index("ix_what_ifs_counter", "what_ifs", ["counter_id", "asked_at"])


def _create_backfill_plans() -> None:
    op.create_table(
        "backfill_plans",
        sa.Column("plan_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("estimate", postgresql.JSONB(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "counter_id", name=op.f("pk_backfill_plans")),
    )
    op.create_index("ix_backfill_plans_counter", "backfill_plans", ["counter_id", "planned_at"])


def _create_day_seals() -> None:
    op.create_table(
        "day_seals",
        sa.Column("counter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("stages", postgresql.JSONB(), nullable=False),
        sa.Column("narrowing", postgresql.JSONB(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("counter_id", "day", name=op.f("pk_day_seals")),
    )
