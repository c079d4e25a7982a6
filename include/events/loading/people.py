"""The people of a load: who they are is told by ClickHouse, and kept in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, text

from include.events.loading.loads import Load
from include.events.tables import NAMESPACES
from include.failpoints import failpoint
from include.state.engine import reachable
from include.warehouse.client import Warehouse, quoted
from include.warehouse.http_streams import ByteReader

# COPY reads what ClickHouse writes: both escape tabs, line ends and backslashes the same way.
_INCOMING = text("""
CREATE TEMPORARY TABLE incoming_people (
    project text, person_id uuid, namespace text, external_id text, first_seen_at timestamptz
) ON COMMIT DROP
""")
_COPY = "COPY incoming_people FROM STDIN"
_PERSONS = text("""
INSERT INTO persons (person_id, project_number, first_seen_at)
SELECT DISTINCT ON (person_id) person_id, project_number, first_seen_at
FROM incoming_people JOIN projects USING (project)
ORDER BY person_id, first_seen_at
ON CONFLICT DO NOTHING
""")
_IDENTITIES = text("""
INSERT INTO identities (project_number, namespace, external_id, person_id)
SELECT DISTINCT project_number, namespace, external_id, person_id
FROM incoming_people JOIN projects USING (project)
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
""")


def register_people(warehouse: Warehouse, engine: Engine, table: str, load: Load) -> int:
    """Register the people of a load and the identity that each was made from.

    Only that identity: it decides the id of the person, so registering in any order, or again from the
    warehouse, gives the same rows. The weaker identities of an event stay with the event, and an event without any is
    nobody's.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        table: table of events.
        load: the load, inserted.

    Returns:
        How many people were new.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    with warehouse.read_stream(_query(table), {"load_id": load.load_id}) as body:
        failpoint("events_load.people_read")
        with reachable(engine), engine.begin() as connection:
            _copy(connection, body)
            new = connection.execute(_PERSONS).rowcount
            connection.execute(_IDENTITIES)
            failpoint("events_load.people_written")
    return int(new)


def _query(table: str) -> str:
    """Grain: one row per person of the load and identity that made it."""
    named = ", ".join(f"{name} != '', '{name}'" for name in NAMESPACES[:-1])
    given = ", ".join(f"{name} != '', {name}" for name in NAMESPACES[:-1])
    return (
        f"SELECT project, person_id, multiIf({named}, '{NAMESPACES[-1]}') AS namespace, "
        f"multiIf({given}, {NAMESPACES[-1]}) AS external_id, min(received_at) "
        f"FROM {quoted(table)} WHERE load_id = {{load_id:UInt64}} AND external_id != '' "
        "GROUP BY project, person_id, namespace, external_id FORMAT TabSeparated"
    )


def _copy(connection: Connection, body: ByteReader) -> None:
    connection.execute(_INCOMING)
    cursor: Any = connection.connection.cursor()
    with cursor:
        cursor.copy_expert(_COPY, body)
