"""ClickHouse tables of events, and the form of a line of the inbox."""

from __future__ import annotations

from include.warehouse.schema import Column, Table

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

EVENTS = Table(
    name="events",
    columns=(*INBOX_COLUMNS, Column("load_id", "UInt64", "load that brought it here")),
    order_by=("project", "event_name", "occurred_at", "person_id", "event_id"),
    partition_by=(),
    shard_by="person_id",
    meaning="one row per accepted event, once merged; read with FINAL",
)
