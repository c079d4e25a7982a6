"""Finding an accepted event that waits in the inbox, so that it can be read before it is loaded."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select

from include.events.tables import INBOX_COLUMNS
from include.state.engine import reachable
from include.state.tables import event_seen, inbox_batches

NAMES = tuple(column.name for column in INBOX_COLUMNS)
ID_PLACE = NAMES.index("event_id")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


def find_waiting(engine: Engine, project_number: int, event_id: UUID) -> dict[str, Any] | None:
    """Find an event that was accepted and is not in the warehouse yet.

    Args:
        engine: the state engine.
        project_number: its project.
        event_id: its id.

    Returns:
        Values by name of column, as text but for ``event_time``; None when it waits nowhere.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    query = (
        select(inbox_batches.c.payload)
        .join(event_seen, event_seen.c.receipt_number == inbox_batches.c.receipt_number)
        .where(event_seen.c.project_number == project_number, event_seen.c.event_id == str(event_id))
    )
    with reachable(engine), engine.connect() as connection:
        payload = connection.execute(query).scalar()
    return None if payload is None else _event_of(gzip.decompress(payload), event_id)


def _event_of(lines: bytes, event_id: UUID) -> dict[str, Any] | None:
    wanted = str(event_id).encode()
    for line in lines.removesuffix(b"\n").split(b"\n"):
        fields = line.split(b"\t")
        if fields[ID_PLACE] == wanted:
            values: dict[str, Any] = {name: unescaped(field) for name, field in zip(NAMES, fields, strict=True)}
            return {**values, "event_time": dt.datetime.fromisoformat(values["event_time"]).replace(tzinfo=dt.UTC)}
    return None


def unescaped(field: bytes) -> str:
    r"""Read a field of a TabSeparated line.

    Args:
        field: as written.

    Returns:
        The text.

    >>> unescaped(b"a\\tb\\\\c")
    'a\tb\\c'
    """
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), field.decode())
