"""People who sign in, their tokens, the keys of apps, and who teaches which course."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from include.state.tables.metadata import instant, metadata

# One row per person who may sign in; never a person of the events.
accounts = Table(
    "accounts",
    metadata,
    Column("user_id", UUID(as_uuid=False), primary_key=True),
    Column("email", Text, nullable=False),  # as typed, trimmed
    Column("email_key", Text, nullable=False, unique=True),  # NFC, case-folded
    Column("name", Text, nullable=False, server_default=""),
    Column("surname", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=True),
    Column("role", Text, nullable=False),  # student, teacher, admin
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("password_hash", Text, nullable=False),  # argon2id
    Column("epoch", Integer, nullable=False, server_default="0"),  # tokens of an older epoch are dead
    instant("created_at"),
)

# One row per sign-in: the line of refresh tokens that came of it, revoked as a whole.
token_families = Table(
    "token_families",
    metadata,
    Column("family_id", UUID(as_uuid=False), primary_key=True),
    Column("user_id", UUID(as_uuid=False), ForeignKey("accounts.user_id"), nullable=False),
    instant("created_at"),
    instant("ends_at"),
    instant("revoked_at", required=False),
    Column("revoked_cause", Text, nullable=False, server_default=""),  # logout, reuse, password, disabled, ended
    Index("ix_token_families_user", "user_id"),
    Index("ix_token_families_end", "ends_at"),
)

# Refresh tokens; a used one stays until its family ends, so that its reuse is noticed.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column(
        "family_id",
        UUID(as_uuid=False),
        ForeignKey("token_families.family_id", ondelete="CASCADE"),
        nullable=False,
    ),
    instant("created_at"),
    instant("expires_at"),
    instant("used_at", required=False),
    Index("ix_refresh_tokens_family", "family_id"),
)

# Failed sign-ins of the last minutes, for the limits per email and per address.
login_failures = Table(
    "login_failures",
    metadata,
    Column("failure_id", BigInteger, Identity(), primary_key=True),
    Column("email_key", Text, nullable=False),  # SHA-256 of the account's email_key; empty when no address was typed
    Column("address", Text, nullable=False),
    instant("failed_at"),
    Index("ix_login_failures_email", "email_key", "failed_at"),
    Index("ix_login_failures_address", "address", "failed_at"),
)

# What happened to accounts and keys; rows are only ever added, and hold no secret.
account_audit = Table(
    "account_audit",
    metadata,
    Column("audit_id", BigInteger, Identity(), primary_key=True),
    instant("happened_at"),
    Column("action", Text, nullable=False),  # names in include/accounts/audit.py
    Column("user_id", UUID(as_uuid=False), nullable=True),  # whom it is about, when known
    Column("actor", Text, nullable=False),  # account:<id>, airflow:<name>, command, or empty
    Column("address", Text, nullable=False, server_default=""),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index("ix_account_audit_user", "user_id", "audit_id"),
)

# Keys with which devices and services of one project call in; the secret itself is shown once and never stored.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", UUID(as_uuid=False), primary_key=True),
    Column("project", Text, nullable=False),
    Column("prefix", Text, nullable=False, unique=True),  # cfk_<8 hex>
    Column("secret_sha256", LargeBinary, nullable=False),  # of the whole key
    Column("scopes", JSONB, nullable=False),  # list of ingest, backfill, stats:read, segments:read
    Column("label", Text, nullable=False, server_default=""),
    Column("created_by", Text, nullable=False),
    instant("created_at"),
    instant("expires_at", required=False),
    instant("revoked_at", required=False),
    instant("last_used_at", required=False),  # to the minute
    Index("ix_api_keys_project", "project"),
)

# Courses of a project: who teaches them, and the zone of their days.
courses = Table(
    "courses",
    metadata,
    Column("project", Text, nullable=False),
    Column("course_id", Text, nullable=False),
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("updated_by", Text, nullable=False),
    instant("updated_at"),
    PrimaryKeyConstraint("project", "course_id"),
)

course_teachers = Table(
    "course_teachers",
    metadata,
    Column("project", Text, primary_key=True),
    Column("course_id", Text, primary_key=True),
    Column("user_id", UUID(as_uuid=False), ForeignKey("accounts.user_id"), primary_key=True),
    Index("ix_course_teachers_user", "user_id"),
)

# What a course asks for; an item that leaves the catalogue keeps its row with an end.
course_items = Table(
    "course_items",
    metadata,
    Column("project", Text, primary_key=True),
    Column("course_id", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("valid_from_at", DateTime(timezone=True), primary_key=True),
    instant("valid_to_at", required=False),
    Column("module_id", Text, nullable=False, server_default=""),
    Column("is_required", Boolean, nullable=False),
)
