"""Create cards, touched days, slices, values and restatements of learning metrics"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_cards()
    _create_courses_and_loads()
    _create_touched_days()
    _create_slices()
    _create_values()
    _create_restatements()


def downgrade() -> None:
    """Drop them again, in reverse order."""
    for name in ("restatements", "values", "slices", "touched_days", "loads", "courses", "cards"):
        op.drop_table(f"metric_{name}")


def _instant(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, default: str | None = None) -> sa.Column:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _create_cards() -> None:
    op.create_table(
        "metric_cards",
        _text("card_digest"),
        _text("metric"),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("card", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("card_digest", name=op.f("pk_metric_cards")),
    )


def _create_courses_and_loads() -> None:
    op.create_table(
        "metric_courses",
        _text("project"),
        _text("course_id"),
        _text("time_zone"),
        _instant("first_taken_at"),
        _instant("catalogue_at", nullable=True),
        sa.PrimaryKeyConstraint("project", "course_id", name=op.f("pk_metric_courses")),
    )
    op.create_table(
        "metric_loads",
        sa.Column("load_id", sa.BigInteger(), autoincrement=False, nullable=False),
        _instant("taken_at"),
        sa.PrimaryKeyConstraint("load_id", name=op.f("pk_metric_loads")),
    )


def _create_touched_days() -> None:
    op.create_table(
        "metric_touched_days",
        _text("project"),
        _text("course_id"),
        sa.Column("day", sa.Date(), nullable=False),
        _text("kind"),
        _text("cause"),
        sa.Column("load_ids", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("may_complete", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("touch_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _instant("touched_at"),
        sa.PrimaryKeyConstraint("project", "course_id", "day", "kind", name=op.f("pk_metric_touched_days")),
    )


def _create_slices() -> None:
    op.create_table(
        "metric_slices",
        sa.Column("slice_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        _text("project"),
        _text("course_id"),
        _text("metric"),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        _text("card_digest"),
        _text("grain"),
        _instant("period_start_at"),
        _instant("period_end_at"),
        _text("time_zone"),
        sa.Column("row_count", sa.Integer(), nullable=False),
        _instant("next_change_at", nullable=True),
        _text("run_id"),
        _instant("calculated_at"),
        sa.ForeignKeyConstraint(
            ["card_digest"], ["metric_cards.card_digest"], name=op.f("fk_metric_slices_card_digest")
        ),
        sa.PrimaryKeyConstraint("slice_id", name=op.f("pk_metric_slices")),
        sa.UniqueConstraint(
            *("project", "course_id", "metric", "version", "card_digest", "grain", "period_start_at", "period_end_at"),
            name="uq_metric_slices_key",
        ),
    )
    op.create_index(
        "ix_metric_slices_period", "metric_slices", ["project", "course_id", "period_start_at", "period_end_at"]
    )
    op.create_index(
        "ix_metric_slices_change",
        "metric_slices",
        ["next_change_at"],
        postgresql_where=sa.text("next_change_at IS NOT NULL"),
    )


def _create_values() -> None:
    op.create_table(
        "metric_values",
        sa.Column("slice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.UUID(as_uuid=False), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("value", "numerator", "denominator")),
        sa.Column("sample_n", sa.Integer(), nullable=False),
        _text("null_reason", ""),
        sa.Column("by_timeout", postgresql.ARRAY(sa.Double()), nullable=True),
        sa.PrimaryKeyConstraint("slice_id", "person_id", name=op.f("pk_metric_values")),
    )


def _create_restatements() -> None:
    op.create_table(
        "metric_restatements",
        sa.Column("restatement_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slice_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.UUID(as_uuid=False), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("old_value", "new_value")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("old_sample_n", "new_sample_n")),
        _text("cause"),
        sa.Column("load_ids", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        _text("run_id"),
        _instant("restated_at"),
        sa.ForeignKeyConstraint(["slice_id"], ["metric_slices.slice_id"], name=op.f("fk_metric_restatements_slice_id")),
        sa.PrimaryKeyConstraint("restatement_id", name=op.f("pk_metric_restatements")),
    )
    op.create_index("ix_metric_restatements_slice", "metric_restatements", ["slice_id", "person_id", "restatement_id"])
