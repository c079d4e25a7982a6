"""ClickHouse tables of events, and the form of a line of the inbox."""

from __future__ import annotations

from dataclasses import replace

from include.warehouse.schema import Column, SkipIndex, Table

# What a line of the inbox holds, tab-separated and escaped as ClickHouse's TabSeparated, in this order.
INBOX_COLUMNS = (
    Column("project", "String", "tenant: an app code, or default"),
    Column("event_name", "String", "name in its one spelling, aliases resolved"),
    Column("event_id", "UUID", "id of the event, unique in its project"),
    Column("person_id", "UUID", "person, from the strongest identity of the event"),
    Column("sent_name", "String", "name as sent"),
    Column("source", "String", "web, mobile, server, metrika, lms, kafka or simulator"),
    Column("schema_version", "UInt32", "version of the schema it was held against, 0 when none was known"),
    Column("occurred_at", "DateTime64(3, 'UTC')", "when it happened, as the sender's clock said"),
    Column("event_time", "DateTime64(3, 'UTC')", "when it happened, after correction of the sender's clock"),
    Column("offset_minutes", "Nullable(Int16)", "offset of occurred_at as sent, NULL when it had none"),
    Column("received_at", "DateTime64(6, 'UTC')", "when its batch was received"),
    Column("user_id", "String", "identity of an account or learner, or empty"),
    Column("user_code", "String", "identity given by a mobile app, or empty"),
    Column("customer_id", "String", "identity of a shop's customer, or empty"),
    Column("client_id", "String", "Metrika's client id, or empty"),
    Column("device_id", "String", "identity of a device, or empty"),
    Column("anonymous_id", "String", "identity of somebody unknown, or empty"),
    Column("session_id", "String", "session, or empty"),
    Column("scope_type", "String", "course, order, product, page, segment, or empty"),
    Column("scope_id", "String", "id of the course, order ..., or empty"),
    Column("module_id", "String", "module of the course, or empty"),
    Column("props", "String", "attributes, a JSON object with sorted keys"),
    Column("context", "String", "ip, user_agent and the like, a JSON object with sorted keys"),
    Column("labels", "String", "truth of simulated events, a JSON object; empty for all others"),
    Column("warnings", "Array(String)", "what was odd about it, and done about it"),
    Column("receipt_id", "UUID", "receipt of its batch"),
    Column("position", "UInt16", "place in the batch, from 0"),
    Column("version", "UInt64", "2^64 - 1 - received_at in microseconds: the first copy wins"),
)

# Identities of a line, the strongest first: the first that is not empty makes the person.
NAMESPACES = ("user_id", "user_code", "customer_id", "client_id", "device_id", "anonymous_id")

EVENTS = Table(
    name="events",
    columns=(*INBOX_COLUMNS, Column("load_id", "UInt64", "load that brought it here")),
    # Only what never changes when an event is sent again: what differs here would stay twice.
    order_by=("project", "event_name", "toDate(occurred_at)", "person_id", "event_id"),
    partition_by=("toYYYYMM(occurred_at)",),
    shard_by="person_id",
    meaning="one row per accepted event, once merged; read with FINAL",
    is_replacing=True,
    version="version",
    indexes=(
        SkipIndex("by_event_id", "event_id", "bloom_filter(0.01)", 4),
        SkipIndex("by_load_id", "load_id", "minmax", 1),
    ),
)

REJECTED = Table(
    name="events_rejected",
    columns=(
        Column("project", "String", "tenant the event was sent to"),
        Column("quarantine_id", "UUID", "its row in the quarantine, where it can be replayed"),
        Column("event_id", "String", "id as sent, or empty"),
        Column("event_name", "String", "name as sent, or empty"),
        Column("shape", "String", "learning, envelope, device, activity or message"),
        Column("code", "String", "rule that was broken"),
        Column("pointer", "String", "JSON pointer into the sent body"),
        Column("message", "String", "what was wrong, in a sentence"),
        Column("source_position", "String", "topic/partition/offset of a message, or empty"),
        Column("raw", "String", "the event as it was sent"),
        Column("received_at", "DateTime64(6, 'UTC')", "when its batch was received"),
    ),
    order_by=("project", "received_at", "quarantine_id"),
    partition_by=("toYYYYMM(received_at)",),
    shard_by="quarantine_id",
    meaning="one row per rejected event, a copy of the quarantine for 30 days; read with FINAL",
    is_replacing=True,  # a copy made twice, because a loader was killed, stays one row
    ttl="toDateTime(received_at) + INTERVAL 30 DAY",
)


def events_table(name: str) -> Table:
    """The table of events under the name of the settings.

    Args:
        name: ``events_table`` of the intake's settings.

    Returns:
        Its definition.
    """
    return replace(EVENTS, name=name)


def rejected_table(name: str) -> Table:
    """The table of rejected events beside a table of events.

    Args:
        name: ``events_table`` of the intake's settings.

    Returns:
        Its definition, named ``<name>_rejected``.
    """
    return replace(REJECTED, name=f"{name}_rejected")
