"""Learning events as loads leave them in both stores, for tests of the metrics."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, delete, insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from include.events.tables import events_table
from include.metrics.courses import LearningCourse, learning_course
from include.metrics.tables import KINDS, USER_DAYS
from include.services.engines.endpoints import Endpoints
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.state.tables import (
    DEFAULT_PROJECT_NUMBER,
    course_items,
    courses,
    event_loads,
    metric_courses,
    metric_loads,
    metric_restatements,
    metric_slices,
    metric_touched_days,
    metric_values,
    receipts,
)
from include.warehouse.client import Warehouse
from include.warehouse.schema import drop_tables, ensure_tables
from tests.event_rows import Stored, store
from tests.loading import own_stores

PROJECT, COURSE = "default", "c1"
SENDER, REPLAY = "key:test", "replay"
EMPTIED = (
    *(metric_restatements, metric_values, metric_slices, metric_touched_days, metric_loads, metric_courses),
    *(course_items, courses, event_loads, receipts),
)
MONDAY = dt.date(2025, 3, 3)  # first day of the golden week
REQUIRED = ("t1", "t2", "t3", "t4")
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def person_id(user_id: str, project: str = PROJECT) -> str:
    """The person that intake makes of a learner's id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"person|{project}|user_id|{user_id}"))


@dataclass(frozen=True)
class Learned:
    """One event of a learner; what a test does not name is as good as any."""

    at: dt.datetime  # aware
    name: str = "page_view"
    user: str = "u1"
    course: str = COURSE
    project: str = PROJECT
    props: Mapping[str, Any] | str = field(default_factory=dict)
    module_id: str = ""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received_at: dt.datetime | None = None
    occurred_at: dt.datetime | None = None
    scope_type: str = "course"

    def stored(self, load_id: int, receipt_id: str) -> Stored:
        """The same as a row of the warehouse."""
        places = {
            "person_id": person_id(self.user, self.project),
            "user_id": self.user,
            "user_code": "",
            "scope_type": self.scope_type,
            "scope_id": self.course,
            "module_id": self.module_id,
            "load_id": load_id,
            "receipt_id": receipt_id,
        }
        return Stored(
            props=self.props,
            project=self.project,
            event_name=self.name,
            event_time=self.at.astimezone(dt.UTC),
            occurred_at=self.occurred_at,
            received_at=self.received_at,
            event_id=self.event_id,
            identities=places,  # type: ignore[arg-type]  # any column goes in there
            source="lms",
        )


def learned(when: str, name: str = "page_view", **changes: Any) -> Learned:
    """An event at ``YYYY-MM-DD HH:MM:SS[.mmm]`` UTC."""
    return Learned(dt.datetime.fromisoformat(when).replace(tzinfo=dt.UTC), name, **changes)


def golden_events(**changes: Any) -> list[Learned]:
    """The eleven events of person u1 in course c1 of the golden case, each with an id that stays."""
    lines = (
        ("03 10:00:00", "page_view", ""),
        ("03 10:01:00", "task_start", "t1"),
        ("03 10:03:00", "scroll", ""),
        ("03 10:06:00", "task_attempt", "t1"),
        ("03 10:07:00", "task_success", "t1"),
        ("03 11:00:00", "video_play", ""),
        ("03 23:50:00", "task_start", "t2"),
        ("04 00:10:00", "task_fail", "t2"),
        ("04 09:00:00", "page_view", ""),
        ("04 09:00:08", "page_view", ""),
        ("05 12:00:00", "task_start", "t2"),
    )
    return [
        learned(
            f"2025-03-{when}",
            name,
            **{
                "props": {"task_id": task} if task else {},
                "event_id": str(uuid.UUID(int=number)),
                **changes,
            },
        )
        for number, (when, name, task) in enumerate(lines, start=1)
    ]


def random_events(
    seed: int,
    *,
    users: int = 5,
    days: int = 10,
    events_per_day: int = 8,
    first_day: dt.date = MONDAY,
    course: str = COURSE,
    project: str = PROJECT,
    share_active: float = 0.6,
) -> list[Learned]:
    """Events of some learners over some UTC days: gaps of every size, equal instants, days without events."""
    rng = random.Random(seed)
    gaps_ms = (0, 1, 500, 9_999, 10_001, 60_000, 299_999, 300_000, 300_001, 600_000, 1_800_000, 1_800_001, 7_200_000)
    found: list[Learned] = []
    for user in range(users):
        for day in range(days):
            if rng.random() > share_active:
                continue
            at = dt.datetime.combine(first_day, dt.time(), dt.UTC) + dt.timedelta(
                days=day, milliseconds=rng.randrange(86_400_000)
            )
            for _ in range(rng.randint(1, 2 * events_per_day - 1)):
                found.append(_random_event(rng, at, f"u{user + 1}", course, project))
                at += dt.timedelta(milliseconds=rng.choice(gaps_ms))
    return found


def _random_event(rng: random.Random, at: dt.datetime, user: str, course: str, project: str) -> Learned:
    tasks: tuple[Any, ...] = ("t1", "t2", "t3", "", 7, None, {"a": 1}, 2.5, True)
    props = rng.choice(({}, {"task_id": rng.choice(tasks)}, {"task_id": rng.choice(("t1", "t2"))}))
    return Learned(
        at,
        rng.choice((*KINDS, "forum_post")),
        user,
        course,
        project,
        props,
        rng.choice(("", "m1", "m2")),
        str(uuid.UUID(int=rng.getrandbits(128))),
    )


@dataclass
class LearningStores:
    """Both stores of one installation, with courses and events put in by hand."""

    environ: dict[str, str]
    warehouse: Warehouse
    state: Engine
    settings: Settings

    @property
    def table(self) -> str:
        """Name of the table of events."""
        return self.settings.intake.events_table

    def put(self, events: Iterable[Learned], *, principal: str = SENDER, is_landed: bool = True) -> int:
        """One load with one batch of these events; give its load id.

        With the principal ``replay`` they came from the quarantine; a load that has not landed is still open.
        As the loader does, the load notes how many of its events have ids that came before.
        """
        listed = list(events)
        repeats = self._repeat_count([event.event_id for event in listed])
        receipt_id, now = str(uuid.uuid4()), dt.datetime.now(dt.UTC)
        with self.state.begin() as connection:
            connection.execute(insert(receipts).values(**_receipt(receipt_id, now, len(listed), principal)))
            number = connection.execute(
                insert(event_loads).values(**_load(now, len(listed), repeats)).returning(event_loads.c.load_id)
            ).scalar_one()
        store(self.warehouse, [event.stored(number, receipt_id) for event in listed], self.table)
        if is_landed:  # as the loader does: only when the rows are there
            self.land(int(number), at=now)
        return int(number)

    def insert_again(self, load_id: int) -> None:
        """Leave every row of a load twice, as a loader that was killed does."""
        self.warehouse.execute(
            f"INSERT INTO {self.table} SELECT * FROM {self.table} WHERE load_id = %(load_id)s", {"load_id": load_id}
        )

    def _repeat_count(self, event_ids: Sequence[str]) -> int:
        known = self.warehouse.scalar(
            f"SELECT uniqExact(event_id) FROM {self.table} WHERE has(%(ids)s, toString(event_id))",
            {"ids": list(event_ids)},
        )
        return int(known) + len(event_ids) - len(set(event_ids))

    def land(self, load_id: int, *, at: dt.datetime | None = None) -> None:
        """Close a load that was open."""
        landed_at = at or dt.datetime.now(dt.UTC)
        with self.state.begin() as connection:
            connection.execute(event_loads.update().where(event_loads.c.load_id == load_id).values(landed_at=landed_at))

    def remove(self, *event_ids: str) -> None:
        """Take events out of the warehouse, as a deletion on demand does."""
        self.warehouse.execute(
            f"ALTER TABLE {self.table} DELETE WHERE event_id IN %(ids)s",
            {"ids": event_ids},
            settings={"mutations_sync": 2},
        )

    def set_zone(self, zone: str, course: str = COURSE, project: str = PROJECT) -> None:
        """Register a course, or give it another zone."""
        values = {"time_zone": zone, "updated_by": "test", "updated_at": dt.datetime.now(dt.UTC)}
        key = {"project": project, "course_id": course}
        with self.state.begin() as connection:
            connection.execute(
                upsert(courses).values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values)
            )

    def require(
        self,
        items: Sequence[str] = REQUIRED,
        course: str = COURSE,
        project: str = PROJECT,
        *,
        since: dt.datetime = LONG_AGO,
        until: dt.datetime | None = None,
    ) -> None:
        """Add required items to a registered course, valid for a time."""
        with self.state.begin() as connection:
            connection.execute(
                insert(course_items),
                [
                    {
                        "project": project,
                        "course_id": course,
                        "item_id": item,
                        "module_id": "",
                        "is_required": True,
                        "valid_from_at": since,
                        "valid_to_at": until,
                    }
                    for item in items
                ],
            )

    def course(self, course: str = COURSE, project: str = PROJECT) -> LearningCourse:
        """A course as the metrics see it."""
        with self.state.connect() as connection:
            return learning_course(connection, project, course)

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """Ask ClickHouse."""
        return self.warehouse.execute(sql, params)

    def user_days(self, columns: str = "*", course: str | None = None) -> list[tuple[Any, ...]]:
        """Stored user-days in the order of their key."""
        return self.warehouse.execute(
            f"SELECT {columns} FROM {USER_DAYS.name} WHERE %(course)s IN ('', course_id) "
            "ORDER BY project, course_id, person_id, day",
            {"course": course or ""},
        )

    def clear(self) -> None:
        """Forget courses, events and metrics."""
        with self.state.begin() as connection:
            for table in EMPTIED:  # by row: a truncation of a dozen tables takes longer
                connection.execute(delete(table))
            connection.execute(text("DELETE FROM metric_cards"))
        drop_tables(self.warehouse, [self.table, USER_DAYS.name])
        ensure_tables(self.warehouse, [events_table(self.table), USER_DAYS])


def _receipt(receipt_id: str, now: dt.datetime, count: int, principal: str) -> dict[str, Any]:
    return {
        "receipt_id": receipt_id,
        "project_number": DEFAULT_PROJECT_NUMBER,
        "principal": principal,
        "body_sha256": hashlib.sha256(receipt_id.encode()).digest(),
        "received_count": count,
        "accepted_count": count,
        "duplicate_count": 0,
        "rejected_count": 0,
        "received_at": now,
        "landed_at": now,
    }


def _load(now: dt.datetime, count: int, repeats: int) -> dict[str, Any]:
    return {
        "batch_count": 1,
        "event_count": count,
        "landed_count": count,
        "repeat_count": repeats,
        "first_received_at": now,
        "last_received_at": now,
        "run_id": "test",
        "attempt_count": 1,
        "claimed_at": now,
        "landed_at": None,
    }


@contextlib.contextmanager
def own_learning(endpoints: Endpoints) -> Iterator[LearningStores]:
    """Empty stores that nobody else uses."""
    with own_stores(endpoints) as environ, opened_learning(environ) as stores:
        ensure_tables(stores.warehouse, [events_table(stores.table), USER_DAYS])
        yield stores


@contextlib.contextmanager
def opened_learning(environ: dict[str, str]) -> Iterator[LearningStores]:
    """The stores behind some addresses."""
    settings = Settings.from_env(environ)
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    state = connect_state(settings.database_url)
    migrate(state)
    try:
        yield LearningStores(environ, Warehouse(settings.clickhouse), state, settings)
    finally:
        state.dispose()


def shuffled_twice(events: Iterable[Learned], seed: int = 1) -> list[Learned]:
    """Every event twice, the copies received a minute later, in any order."""
    first = list(events)
    copies = [replace(event, received_at=(event.received_at or event.at) + dt.timedelta(minutes=1)) for event in first]
    found = first + copies
    random.Random(seed).shuffle(found)
    return found
