"""Create accounts, tokens, keys of apps and courses"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_account_audit()
    _create_accounts()
    _create_api_keys()
    _create_course_items()
    _create_courses()
    _create_login_failures()
    _create_course_teachers()
    _create_token_families()
    _create_refresh_tokens()


def downgrade() -> None:
    """Drop them again, in reverse order."""
    op.drop_table("refresh_tokens")
    op.drop_table("token_families")
    op.drop_table("course_teachers")
    op.drop_table("login_failures")
    op.drop_table("courses")
    op.drop_table("course_items")
    op.drop_table("api_keys")
    op.drop_table("accounts")
    op.drop_table("account_audit")


def _create_account_audit() -> None:
    op.create_table(
        "account_audit",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_account_audit")),
    )
    op.create_index("ix_account_audit_user", "account_audit", ["user_id", "audit_id"], unique=False)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("surname", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email_key", name=op.f("uq_accounts_email_key")),
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_index("ix_api_keys_project", "api_keys", ["project"], unique=False)


def _create_course_items() -> None:
    op.create_table(
        "course_items",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("valid_from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("module_id", sa.Text(), server_default="", nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project", "course_id", "item_id", "valid_from_at", name=op.f("pk_course_items")),
    )


def _create_courses() -> None:
    op.create_table(
        "courses",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project", "course_id", name=op.f("pk_courses")),
    )


def _create_login_failures() -> None:
    op.create_table(
        "login_failures",
        sa.Column("failure_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("failure_id", name=op.f("pk_login_failures")),
    )
    op.create_index("ix_login_failures_address", "login_failures", ["address", "failed_at"], unique=False)
    op.create_index("ix_login_failures_email", "login_failures", ["email_key", "failed_at"], unique=False)


def _create_course_teachers() -> None:
    op.create_table(
        "course_teachers",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.user_id"], name=op.f("fk_course_teachers_user_id")),
        sa.PrimaryKeyConstraint("project", "course_id", "user_id", name=op.f("pk_course_teachers")),
    )
    op.create_index("ix_course_teachers_user", "course_teachers", ["user_id"], unique=False)


def _create_token_families() -> None:
    op.create_table(
        "token_families",
        sa.Column("family_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_cause", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.user_id"], name=op.f("fk_token_families_user_id")),
        sa.PrimaryKeyConstraint("family_id", name=op.f("pk_token_families")),
    )
    op.create_index("ix_token_families_end", "token_families", ["ends_at"], unique=False)
    op.create_index("ix_token_families_user", "token_families", ["user_id"], unique=False)


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("family_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["family_id"], ["token_families.family_id"], name=op.f("fk_refresh_tokens_family_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_refresh_tokens")),
    )
    op.create_index("ix_refresh_tokens_family", "refresh_tokens", ["family_id"], unique=False)
