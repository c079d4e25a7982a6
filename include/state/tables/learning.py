"""Learning metrics: which days wait for a new calculation, what was calculated, and what changed afterwards."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from include.state.tables.metadata import instant, metadata

# The exact definition behind a value; a changed formula or parameter makes another row, never another meaning.
metric_cards = Table(
    "metric_cards",
    metadata,
    Column("card_digest", Text, primary_key=True),  # SHA-256 of the card, hex
    Column("metric", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("card", JSONB, nullable=False),  # unit, formula, parameters
    instant("created_at"),
)

# Courses that have user-days, and the zone these were cut in.
metric_courses = Table(
    "metric_courses",
    metadata,
    Column("project", Text, primary_key=True),
    Column("course_id", Text, primary_key=True),
    Column("time_zone", Text, nullable=False),
    instant("first_taken_at"),
    instant("catalogue_at", required=False),  # newest change of its items that was looked at
)

# Loads of events whose days have been noted below; user-days hold events of these loads only.
metric_loads = Table(
    "metric_loads",
    metadata,
    Column("load_id", BigInteger, primary_key=True, autoincrement=False),
    instant("taken_at"),
)

# Days of a course that events came for and whose user-days or values have not followed yet.
metric_touched_days = Table(
    "metric_touched_days",
    metadata,
    Column("project", Text, primary_key=True),
    Column("course_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # local day of the course
    Column("kind", Text, primary_key=True),  # events: its events changed; cohort: first days moved; catalogue
    Column("cause", Text, nullable=False),  # late_data, replay ...: the causes of restatements
    Column("load_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("may_complete", Boolean, nullable=False, server_default=text("false")),  # a task may have succeeded
    Column("touch_number", BigInteger, Identity(), nullable=False),  # new with every touch
    instant("touched_at"),
)

# One row per metric, version, course and period that was calculated.
metric_slices = Table(
    "metric_slices",
    metadata,
    Column("slice_id", BigInteger, Identity(), primary_key=True),
    Column("project", Text, nullable=False),
    Column("course_id", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("card_digest", Text, ForeignKey("metric_cards.card_digest"), nullable=False),
    Column("grain", Text, nullable=False),  # day, week, month, custom
    instant("period_start_at"),
    instant("period_end_at"),
    Column("time_zone", Text, nullable=False),
    Column("row_count", Integer, nullable=False),
    instant("next_change_at", required=False),  # when values change without new events; null when they do not
    Column("run_id", Text, nullable=False),
    instant("calculated_at"),
    UniqueConstraint(
        "project", "course_id", "metric", "version", "card_digest", "grain", "period_start_at", "period_end_at",
        name="uq_metric_slices_key",
    ),
    Index("ix_metric_slices_period", "project", "course_id", "period_start_at", "period_end_at"),
    Index("ix_metric_slices_change", "next_change_at", postgresql_where=text("next_change_at IS NOT NULL")),
)  # fmt: skip

# One row per person of a slice. No foreign key: looking each one up made a third of the time of an insert, and rows are
# only ever written together with their slice, which is locked and never removed.
metric_values = Table(
    "metric_values",
    metadata,
    Column("slice_id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", UUID(as_uuid=False), primary_key=True),
    Column("value", Double, nullable=True),
    Column("numerator", Double, nullable=True),
    Column("denominator", Double, nullable=True),
    Column("sample_n", Integer, nullable=False),
    Column("null_reason", Text, nullable=False, server_default=""),  # not_closed, no_catalogue, no_active_time
    Column("by_timeout", ARRAY(Double), nullable=True),  # time on task at 300, 600 and 1800 s; null for other metrics
)

# What changed in a closed period; rows are only ever added.
metric_restatements = Table(
    "metric_restatements",
    metadata,
    Column("restatement_id", BigInteger, Identity(), primary_key=True),
    Column("slice_id", BigInteger, ForeignKey("metric_slices.slice_id"), nullable=False),
    Column("person_id", UUID(as_uuid=False), nullable=False),
    Column("old_value", Double, nullable=True),
    Column("new_value", Double, nullable=True),
    Column("old_sample_n", Integer, nullable=False),  # 0 without a row
    Column("new_sample_n", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("load_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("run_id", Text, nullable=False),
    instant("restated_at"),
    Index("ix_metric_restatements_slice", "slice_id", "person_id", "restatement_id"),
)
