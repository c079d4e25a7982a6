"""Tables of the state: everything that is decided, promised or followed, in PostgreSQL.

Times are ``timestamptz`` in UTC; days are ``date`` in the counter's zone. Counts live in ``jsonb``
beside the digest they belong to, so a stage can add a count without a migration.
"""

from __future__ import annotations

from include.state.tables.days import backfill_plans, counters, day_seals, day_stages, upload_blocks
from include.state.tables.events import (
    DEFAULT_PROJECT,
    DEFAULT_PROJECT_NUMBER,
    event_loads,
    event_quarantine,
    event_schemas,
    event_seen,
    event_totals,
    event_types,
    identities,
    inbox_batches,
    ingest_offsets,
    persons,
    projects,
    receipts,
)
from include.state.tables.learning import (
    metric_cards,
    metric_courses,
    metric_loads,
    metric_restatements,
    metric_slices,
    metric_touched_days,
    metric_values,
)
from include.state.tables.ledger import conversion_uploads, conversions
from include.state.tables.metadata import metadata
from include.state.tables.metrika import log_parts, log_requests, quota_buckets
from include.state.tables.people import (
    account_audit,
    accounts,
    api_keys,
    course_items,
    course_teachers,
    courses,
    login_failures,
    refresh_tokens,
    token_families,
)
from include.state.tables.registry import model_promotions, models, what_ifs
from include.state.tables.requests import api_replays, api_tasks

__all__ = [
    "DEFAULT_PROJECT",
    "DEFAULT_PROJECT_NUMBER",
    "account_audit",
    "accounts",
    "api_keys",
    "api_replays",
    "api_tasks",
    "backfill_plans",
    "conversion_uploads",
    "conversions",
    "counters",
    "course_items",
    "course_teachers",
    "courses",
    "day_seals",
    "day_stages",
    "event_loads",
    "event_quarantine",
    "event_schemas",
    "event_seen",
    "event_totals",
    "event_types",
    "identities",
    "inbox_batches",
    "ingest_offsets",
    "log_parts",
    "log_requests",
    "login_failures",
    "metadata",
    "metric_cards",
    "metric_courses",
    "metric_loads",
    "metric_restatements",
    "metric_slices",
    "metric_touched_days",
    "metric_values",
    "model_promotions",
    "models",
    "persons",
    "projects",
    "quota_buckets",
    "receipts",
    "refresh_tokens",
    "token_families",
    "upload_blocks",
    "what_ifs",
]
