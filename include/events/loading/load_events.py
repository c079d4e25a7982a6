"""The loading job: what waits in the inbox goes into the warehouse, once, in order of arrival."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass, field

from sqlalchemy import Engine

from include.errors import RowsRefused
from include.events.loading.landing import insert_load, read_back
from include.events.loading.loads import (
    Load,
    claim_load,
    close_load,
    note_attempt,
    note_failure,
    open_loads,
    split_load,
)
from include.events.loading.people import register_people
from include.events.loading.rejections import copy_rejections
from include.events.loading.status import InboxStatus, read_status
from include.events.loading.tables import ensure_event_tables
from include.events.tables import rejected_table
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.settings.intake import IntakeSettings
from include.state.locks import only_one
from include.warehouse.client import Warehouse

log = logging.getLogger(__name__)

LOADER = "load_events"
FAILPOINTS = (
    "events_load.begun",
    "events_load.claiming",
    "events_load.claimed",
    "events_load.attempted",
    "events_load.piece_sent",
    "events_load.inserted",
    "events_load.read_back",
    "events_load.people_read",
    "events_load.people_written",
    "events_load.people_registered",
    "events_load.receipts_marked",
    "events_load.inbox_emptied",
    "events_load.closed",
    "events_load.rejections_copied",
    "events_load.rejections_marked",
)


@dataclass(frozen=True)
class LoadReport:
    """What one call did.

    Attributes:
        is_busy: True when another loader was at work, and nothing was done.
        load_ids: loads that landed, in order.
        batches: their batches.
        events: their events, all read back.
        repeats: of them, events whose id was in the warehouse before.
        people: people seen for the first time.
        rejections: rows of the quarantine copied.
        refused: a sentence per batch that ClickHouse cannot read; it waits, and all others were loaded.
        waiting_events: events that still wait.
        lag_seconds: age of the oldest of them, 0 when none waits.
        seconds: duration.
    """

    is_busy: bool = False
    load_ids: tuple[int, ...] = ()
    batches: int = 0
    events: int = 0
    repeats: int = 0
    people: int = 0
    rejections: int = 0
    refused: tuple[str, ...] = ()
    waiting_events: int = 0
    lag_seconds: float = 0.0
    seconds: float = 0.0


def load_events(
    warehouse: Warehouse,
    engine: Engine,
    settings: IntakeSettings,
    *,
    run_id: str,
    progress: Progress | None = None,
    budget_seconds: float | None = None,
) -> LoadReport:
    """Move what waits in the inbox to the warehouse, load by load, until nothing waits.

    Every step can be repeated. A load that was begun and not closed, whoever began it, is repeated first, as it was.

    Args:
        warehouse: the warehouse.
        engine: the state engine.
        settings: of the intake.
        run_id: who loads.
        progress: told what happens.
        budget_seconds: no load is begun after that; None for no limit.

    Returns:
        What was done; ``is_busy`` when another loader is at work.

    Raises:
        StoreUnavailable: a store cannot be reached; nothing is lost, the next call goes on.
        StoreError: ClickHouse does not show what it took, or refuses for another reason; the load will be repeated.
    """
    started = time.monotonic()
    with only_one(engine, LOADER) as is_ours:
        if not is_ours:
            log.info("another loader is at work")
            return LoadReport(is_busy=True)
        before = read_status(engine)
        if before.is_idle:
            return LoadReport(seconds=time.monotonic() - started)
        ensure_event_tables(warehouse, settings)
        failpoint("events_load.begun")
        loader = _Loader(warehouse, engine, settings, run_id, progress or no_progress, before.waiting_events)
        deadline = None if budget_seconds is None else started + budget_seconds
        loader.run(deadline)
    return loader.report(time.monotonic() - started)


@dataclass
class _Loader:
    warehouse: Warehouse
    engine: Engine
    settings: IntakeSettings
    run_id: str
    progress: Progress
    expected_events: int
    landed: list[Load] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    repeats: int = 0
    people: int = 0
    rejections: int = 0

    def run(self, deadline: float | None) -> None:
        """Load until nothing waits or the time is over."""
        self.rejections = copy_rejections(self.warehouse, self.engine, rejected_table(self.settings.events_table).name)
        while (load := self._next()) is not None:
            self._try(load)
            if deadline is not None and time.monotonic() > deadline:
                break

    def _next(self) -> Load | None:
        """The oldest open load that was not refused a moment ago, or a new one."""
        for begun in open_loads(self.engine):
            if begun.load_id not in self.refused:
                return begun
        load = claim_load(self.engine, most_events=self.settings.load_max_events, run_id=self.run_id)
        failpoint("events_load.claimed")
        return load

    def _try(self, load: Load) -> None:
        try:
            self._land(load)
        except RowsRefused as error:
            self._set_aside(load, error)

    def _land(self, load: Load) -> None:
        started, table = time.monotonic(), self.settings.events_table
        note_attempt(self.engine, load)
        failpoint("events_load.attempted")
        self.progress("loading events", self._events(), self.expected_events)
        insert_load(self.warehouse, self.engine, table, load)
        failpoint("events_load.inserted")
        seen = dt.timedelta(days=self.settings.seen_days)
        repeats = read_back(self.warehouse, self.engine, table, load, seen=seen)
        failpoint("events_load.read_back")
        self.people += register_people(self.warehouse, self.engine, table, load)
        failpoint("events_load.people_registered")
        seconds = time.monotonic() - started
        close_load(self.engine, load, repeat_count=repeats, duration_seconds=seconds)
        failpoint("events_load.closed")
        self.landed.append(load)
        self.repeats += repeats
        log.info(
            "load %d: events %d of %d batches landed, %d known before, try %d, %.2f s",
            load.load_id, load.event_count, load.batch_count, repeats, load.attempt_count + 1, seconds,
        )  # fmt: skip

    def _set_aside(self, load: Load, error: RowsRefused) -> None:
        """Halve a load that the warehouse refuses, until the batch that it refuses is alone."""
        if load.batch_count > 1:
            log.warning("load %d is halved: %s", load.load_id, error.message)
            split_load(self.engine, load, run_id=self.run_id)
            return
        note_failure(self.engine, load, error.message)
        self.refused[load.load_id] = f"Load {load.load_id} of one batch waits: {error.message}"
        log.error("%s", self.refused[load.load_id])

    def _events(self) -> int:
        return sum(load.event_count for load in self.landed)

    def report(self, seconds: float) -> LoadReport:
        """What was done, and what still waits."""
        left: InboxStatus = read_status(self.engine)
        return LoadReport(
            load_ids=tuple(load.load_id for load in self.landed),
            batches=sum(load.batch_count for load in self.landed),
            events=self._events(),
            repeats=self.repeats,
            people=self.people,
            rejections=self.rejections,
            refused=tuple(self.refused.values()),
            waiting_events=left.waiting_events,
            lag_seconds=left.lag_seconds,
            seconds=seconds,
        )
