"""Projects and their event schemas; events from acceptance until they are in the warehouse."""

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
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from include.state.tables.metadata import instant, metadata

DEFAULT_PROJECT, DEFAULT_PROJECT_NUMBER = "default", 0

# One row per tenant: an app with its owner, or the project ``default`` that every installation has.
projects = Table(
    "projects",
    metadata,
    Column("project_number", Integer, Identity(), primary_key=True),  # short form for large tables
    Column("project", Text, nullable=False, unique=True),  # app_code, or default
    Column("app_name", Text, nullable=False),
    Column("name_key", Text, nullable=False),  # NFKC, trimmed, case-folded
    Column("owner", Text, nullable=False),  # account:<user_id>, airflow:<name>; empty for default
    Column("mode", Text, nullable=False, server_default="lenient"),  # lenient, strict
    Column("time_zone", Text, nullable=False, server_default="UTC"),
    Column("max_age_days", Integer, nullable=False, server_default="90"),  # older events need the scope backfill
    Column("aliases", JSONB, nullable=False, server_default=text("""'{"view_page": "page_view"}'::jsonb""")),
    Column("schema_revision", Integer, nullable=False, server_default="0"),  # grows with every change of rules
    instant("created_at"),
    Index("uq_projects_owner_name", "owner", "name_key", unique=True),
)

# The events a project knows, with the version of their schema that new events are held against.
event_types = Table(
    "event_types",
    metadata,
    Column("project_number", Integer, ForeignKey("projects.project_number"), primary_key=True),
    Column("event_name", Text, primary_key=True),
    Column("event_code", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    instant("created_at"),
)

event_schemas = Table(
    "event_schemas",
    metadata,
    Column("event_code", Text, ForeignKey("event_types.event_code"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("attributes", JSONB, nullable=False),  # list in the order given
    Column("created_by", Text, nullable=False),
    instant("created_at"),
)

# One row per batch ever answered with "stored"; its answer is kept for those who ask again.
receipts = Table(
    "receipts",
    metadata,
    Column("receipt_number", BigInteger, Identity(), primary_key=True),
    Column("receipt_id", UUID(as_uuid=False), nullable=False, unique=True),
    Column("project_number", Integer, ForeignKey("projects.project_number"), nullable=False),
    Column("principal", Text, nullable=False),  # account:<id>, key:<id>, airflow:<name>, kafka, replay
    Column("request_key", Text, nullable=True),  # method, path and Idempotency-Key; null without one, or forgotten
    Column("body_key", Text, nullable=True),  # path and digest of a batch whose events all have ids; else null
    Column("body_sha256", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=True),  # gzip JSON: status and verdicts; null once forgotten
    Column("received_count", Integer, nullable=False),
    Column("accepted_count", Integer, nullable=False),
    Column("duplicate_count", Integer, nullable=False),
    Column("rejected_count", Integer, nullable=False),
    instant("received_at"),
    instant("landed_at", required=False),  # when nothing accepted is waiting any more
    Index(
        "uq_receipts_request", "principal", "request_key", unique=True, postgresql_where=text("request_key IS NOT NULL")
    ),
    Index("uq_receipts_body", "principal", "body_key", unique=True, postgresql_where=text("body_key IS NOT NULL")),
    Index("ix_receipts_received", "received_at"),
    Index("ix_receipts_project", "project_number", "received_at"),
)

# Ids seen lately: the primary key decides which of two equal events is the first.
event_seen = Table(
    "event_seen",
    metadata,
    Column("project_number", Integer, primary_key=True, autoincrement=False),
    Column("event_id", UUID(as_uuid=False), primary_key=True),
    Column("content_sha256", LargeBinary, nullable=False),
    Column("receipt_number", BigInteger, nullable=False),
    Column("position", SmallInteger, nullable=False),  # in the batch, from 0
    Index("ix_event_seen_receipt", "receipt_number", postgresql_using="brin"),
)

# Accepted events on their way into the warehouse, a row per batch; gone once they are there.
inbox_batches = Table(
    "inbox_batches",
    metadata,
    Column("receipt_number", BigInteger, ForeignKey("receipts.receipt_number"), primary_key=True, autoincrement=False),
    Column("event_count", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),  # of the payload
    Column("payload", LargeBinary, nullable=False),  # gzip member of lines in the form of include/events/tables.py
    Column("load_id", BigInteger, ForeignKey("event_loads.load_id"), nullable=True),
    instant("received_at"),
    Index("ix_inbox_batches_waiting", "receipt_number", postgresql_where=text("load_id IS NULL")),
    Index("ix_inbox_batches_load", "load_id"),
)

# Loads: which batches went into the warehouse together. A load is repeated until it has landed.
event_loads = Table(
    "event_loads",
    metadata,
    Column("load_id", BigInteger, Identity(), primary_key=True),
    Column("batch_count", Integer, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("landed_count", BigInteger, nullable=True),  # read back from the warehouse
    Column("repeat_count", BigInteger, nullable=True),  # of them, ids that were there before; the first copy stays
    instant("first_received_at"),
    instant("last_received_at"),
    Column("run_id", Text, nullable=False),
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    instant("claimed_at"),
    instant("landed_at", required=False),
    Column("duration_seconds", Double, nullable=True),
    Column("failure", Text, nullable=True),  # why the warehouse refuses its only batch; null when it does not
    Index("ix_event_loads_open", "load_id", postgresql_where=text("landed_at IS NULL")),
)

# What receipts and quarantine counted before housekeeping dropped them, so that every balance stays true.
event_totals = Table(
    "event_totals",
    metadata,
    Column("project_number", Integer, ForeignKey("projects.project_number"), primary_key=True),
    Column("day", Date, primary_key=True),  # of reception, UTC
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in (
            "received_count",
            "accepted_count",
            "duplicate_count",
            "rejected_count",  # but for replays
            "replayed_count",  # events that got in by a replay
            "landed_count",  # accepted and replayed events that are in the warehouse
            "replayed_quarantine_count",
            "discarded_quarantine_count",
        )
    ),
)

# Events that broke a rule, whole, until they are corrected and replayed or discarded.
event_quarantine = Table(
    "event_quarantine",
    metadata,
    Column("quarantine_id", UUID(as_uuid=False), primary_key=True),
    Column("project_number", Integer, ForeignKey("projects.project_number"), nullable=False),
    Column("receipt_number", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("source_position", Text, nullable=False, server_default=""),  # topic/partition/offset of a message
    Column("raw", LargeBinary, nullable=False),  # the event as JSON, or the message's bytes; at most 64 KiB
    Column("shape", Text, nullable=False),  # learning, envelope, device, activity, message
    Column("sender", JSONB, nullable=False),  # what the rules knew of the sender: limits and rights
    Column("event_id", Text, nullable=False, server_default=""),
    Column("event_name", Text, nullable=False, server_default=""),
    Column("code", Text, nullable=False),
    Column("pointer", Text, nullable=False),
    Column("message", Text, nullable=False),
    instant("received_at"),
    instant("sent_at", required=False),
    Column("status", Text, nullable=False, server_default="open"),  # open, replayed, discarded
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    Column("replay_receipt_number", BigInteger, nullable=True),
    instant("ended_at", required=False),
    Column("is_copied", Boolean, nullable=False, server_default=text("false")),  # in events_rejected
    Index("ix_event_quarantine_project", "project_number", "received_at"),
    Index("ix_event_quarantine_receipt", "receipt_number"),
    Index("ix_event_quarantine_uncopied", "quarantine_id", postgresql_where=text("NOT is_copied")),
)

# People of the events, as far as they can be told apart; persons are never merged.
persons = Table(
    "persons",
    metadata,
    Column("person_id", UUID(as_uuid=False), primary_key=True),
    Column("project_number", Integer, ForeignKey("projects.project_number"), nullable=False),
    instant("first_seen_at"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Index("ix_persons_project", "project_number"),
)

identities = Table(
    "identities",
    metadata,
    Column("project_number", Integer, primary_key=True, autoincrement=False),
    Column("namespace", Text, primary_key=True),  # user_id, user_code, customer_id, client_id, device_id, anonymous_id
    Column("external_id", Text, primary_key=True),
    Column("person_id", UUID(as_uuid=False), ForeignKey("persons.person_id"), nullable=False),
    Index("ix_identities_person", "person_id"),
)

# How far each partition of a topic has been read; written in the transaction that stores what was read.
ingest_offsets = Table(
    "ingest_offsets",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("high_watermark", BigInteger, nullable=False, server_default="0"),  # newest known end of the partition
    Column("topic_id", Text, nullable=False, server_default=""),  # the broker's id of the topic, new when made anew
    Column("lost_count", BigInteger, nullable=False, server_default="0"),  # deleted by the broker before they were read
    Column("restart_count", Integer, nullable=False, server_default="0"),  # readings from the start of a new topic
    instant("updated_at"),
)
