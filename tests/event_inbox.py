"""Batches in the inbox as intake leaves them, and what became of them in both stores."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, func, insert, select, text, update

from include.days import utc_now
from include.events.apps.rules import read_rules
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import Shape
from include.events.intake.batches import Batch, Outcome
from include.events.intake.taking_in import take_in
from include.events.loading.load_events import LoadReport, load_events
from include.events.quarantine.choosing import choose_open
from include.events.quarantine.replaying import ReplayReport, replay
from include.events.tables import INBOX_COLUMNS, rejected_table
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.settings.intake import IntakeSettings
from include.state.engine import connect_state, migrate
from include.state.tables import (
    DEFAULT_PROJECT_NUMBER,
    event_loads,
    event_quarantine,
    event_seen,
    event_totals,
    identities,
    inbox_batches,
    persons,
    projects,
    receipts,
)
from include.warehouse.client import Warehouse
from include.warehouse.schema import drop_tables
from tests.loading import own_stores

MOMENT = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
NAMES = ("page_view", "scroll", "task_start", "task_success")
SENT_DAY = utc_now().date() - dt.timedelta(days=1)  # one day for a whole test, or equal numbers would be other events
LAST_VERSION = 2**64 - 1
EMPTIED = (receipts, inbox_batches, event_loads, event_seen, event_quarantine, event_totals, persons, identities)


def event_line(number: int, *, received_at: dt.datetime, receipt_id: str, position: int, **changes: Any) -> bytes:
    """The line of one event; equal numbers are copies of the same event."""
    occurred_at = MOMENT - dt.timedelta(seconds=number % 7_200)
    values: dict[str, Any] = {
        "project": "default",
        "event_name": NAMES[number % len(NAMES)],
        "event_id": uuid.UUID(int=number),
        "person_id": uuid.uuid5(uuid.NAMESPACE_URL, f"person|default|user_id|{number % 97}"),
        "sent_name": NAMES[number % len(NAMES)],
        "source": "lms",
        "schema_version": 0,
        "occurred_at": _written(occurred_at, 3),
        "event_time": _written(occurred_at, 3),
        "offset_minutes": "\\N",
        "received_at": _written(received_at, 6),
        "user_id": str(number % 97),
        "device_id": f"phone {number % 13}\\t\\\\",
        "props": f'{{"note":"a\\\\tb \\\\"c\\\\"","number":{number}}}',
        "context": "{}",
        "warnings": "['naive_time','no_id']" if number % 5 == 0 else "[]",
        "receipt_id": receipt_id,
        "position": position,
        "version": LAST_VERSION - int(received_at.timestamp() * 1e6),
        **changes,
    }
    values |= {name: value(number) for name, value in values.items() if callable(value)}
    return "\t".join(str(values.get(column.name, "")) for column in INBOX_COLUMNS).encode() + b"\n"


def learning_event(number: int, *, event_type: str = "page_view") -> dict[str, Any]:
    """An event as a learning platform sends it; equal numbers are copies of the same event."""
    return {
        "id": str(uuid.UUID(int=number)),
        "user_id": f"user {number % 7}",
        "course_id": "course",
        "event_type": event_type,
        "timestamp": f"{SENT_DAY}T00:00:00.{number % 1000:03d}Z",
        "payload": {"number": number},
    }


def _written(moment: dt.datetime, digits: int) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment:%f}"[: 20 + digits]


@dataclass
class Inbox:
    """Both stores of one installation, and how to fill the inbox."""

    environ: dict[str, str]
    warehouse: Warehouse
    state: Engine
    settings: IntakeSettings

    def put(self, numbers: Sequence[int], *, received_at: dt.datetime | None = None, **changes: Any) -> int:
        """Accept one batch, all in one transaction as intake does; give its receipt number."""
        received_at = received_at or utc_now()
        receipt_id = str(uuid.uuid4())
        lines = [
            event_line(number, received_at=received_at, receipt_id=receipt_id, position=position, **changes)
            for position, number in enumerate(numbers)
        ]
        payload = gzip.compress(b"".join(lines), 1)
        with self.state.begin() as connection:
            number = connection.execute(
                insert(receipts)
                .values(**_receipt(receipt_id, received_at, accepted=len(lines)))
                .returning(receipts.c.receipt_number)
            ).scalar_one()
            connection.execute(
                insert(inbox_batches).values(
                    receipt_number=number,
                    event_count=len(lines),
                    size_bytes=len(payload),
                    payload=payload,
                    received_at=received_at,
                )
            )
            connection.execute(insert(event_seen), [_seen(one, number, place) for place, one in enumerate(numbers)])
        return int(number)

    def reject(self, count: int, *, received_at: dt.datetime | None = None, raw: bytes = b'{"a": 1}') -> int:
        """Put a batch of rejected events into the quarantine; give its receipt number."""
        received_at = received_at or utc_now()
        with self.state.begin() as connection:
            number = connection.execute(
                insert(receipts)
                .values(**_receipt(str(uuid.uuid4()), received_at, rejected=count), landed_at=received_at)
                .returning(receipts.c.receipt_number)
            ).scalar_one()
            connection.execute(
                insert(event_quarantine),
                [
                    {
                        "quarantine_id": str(uuid.uuid4()),
                        "project_number": DEFAULT_PROJECT_NUMBER,
                        "receipt_number": number,
                        "position": place,
                        "raw": raw,
                        "shape": "learning",
                        "sender": {},
                        "code": "missing_field",
                        "pointer": f"/events/{place}/user_id",
                        "message": "user_id is missing.",
                        "received_at": received_at,
                    }
                    for place in range(count)
                ],
            )
        return int(number)

    def clear(self) -> None:
        """Forget every event in both stores."""
        names = ", ".join(table.name for table in EMPTIED)
        with self.state.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        drop_tables(self.warehouse, [self.settings.events_table, rejected_table(self.settings.events_table).name])

    def forget_ids(self) -> None:
        """What housekeeping does after some days."""
        with self.state.begin() as connection:
            connection.execute(event_seen.delete())

    def load(self, **changes: Any) -> LoadReport:
        settings = replace(self.settings, **changes)
        return load_events(self.warehouse, self.state, settings, run_id=f"test_{uuid.uuid4().hex[:8]}")

    def take_in(self, events: Sequence[Any], *, received_at: dt.datetime | None = None) -> Outcome:
        """Send learning events to the project ``default`` the way a server does."""
        with self.state.connect() as connection:
            rules = read_rules(connection, "default")
        assert rules is not None
        batch = Batch(
            rules=rules,
            sender=Sender("key:test", "server"),
            events=events,
            shape=Shape.LEARNING,
            sent_at=None,
            received_at=received_at or utc_now(),
            receipt_id=uuid.uuid4(),
            body_sha256=hashlib.sha256(repr(events).encode()).digest(),
        )
        return take_in(self.state, batch, settings=self.settings)

    def set_max_age(self, days: int) -> None:
        """Say how old the events of the project ``default`` may be; with 0 days every event is rejected."""
        c = projects.c
        values = {"max_age_days": days, "schema_revision": c.schema_revision + 1}
        with self.state.begin() as connection:
            connection.execute(update(projects).where(c.project == "default").values(**values))

    def replay(self) -> ReplayReport:
        """Try everything in the quarantine again."""
        return replay(self.state, choose_open(self.state, DEFAULT_PROJECT_NUMBER))

    def waiting_counts(self) -> list[int]:
        """Events of each batch that waits."""
        with self.state.connect() as connection:
            return list(connection.execute(select(inbox_batches.c.event_count)).scalars())

    def count(self, table: Any, *conditions: Any) -> int:
        with self.state.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    def rows(self, columns: str = "*", *, final: bool = True, order: str = "event_id") -> list[tuple[Any, ...]]:
        mode = "FINAL" if final else ""
        return self.warehouse.execute(f"SELECT {columns} FROM {self.settings.events_table} {mode} ORDER BY {order}")

    def ids(self) -> list[int]:
        """Numbers of the stored events, as readers see them."""
        return [event_id.int for (event_id,) in self.rows("event_id")]


def _receipt(receipt_id: str, received_at: dt.datetime, *, accepted: int = 0, rejected: int = 0) -> dict[str, Any]:
    return {
        "receipt_id": receipt_id,
        "project_number": DEFAULT_PROJECT_NUMBER,
        "principal": "key:test",
        "body_sha256": hashlib.sha256(receipt_id.encode()).digest(),
        "received_count": accepted + rejected,
        "accepted_count": accepted,
        "duplicate_count": 0,
        "rejected_count": rejected,
        "received_at": received_at,
    }


def _seen(number: int, receipt_number: int, place: int) -> dict[str, Any]:
    return {
        "project_number": DEFAULT_PROJECT_NUMBER,
        "event_id": str(uuid.UUID(int=number)),
        "content_sha256": hashlib.sha256(b"%d" % number).digest(),
        "receipt_number": receipt_number,
        "position": place,
    }


@contextlib.contextmanager
def own_inbox(endpoints: Endpoints, **changes: Any) -> Iterator[Inbox]:
    """An inbox in databases nobody else uses."""
    with own_stores(endpoints) as environ, opened_inbox(environ, **changes) as inbox:
        yield inbox


@contextlib.contextmanager
def opened_inbox(environ: dict[str, str], **changes: Any) -> Iterator[Inbox]:
    """The inbox behind some addresses."""
    given = Settings.from_env(environ)
    assert given.database_url is not None
    assert given.clickhouse is not None
    state = connect_state(given.database_url)
    migrate(state)
    try:
        yield Inbox(environ, Warehouse(given.clickhouse), state, replace(given.intake, **changes))
    finally:
        state.dispose()
