"""I10 as a state machine: events come late, twice, delayed and go; time passes; restatements explain every change."""

from __future__ import annotations

import datetime as dt
import random
import uuid

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from include.days import iter_days
from include.metrics.recalculating.job import RecalculationReport
from include.metrics.storing.states import CLOSED, period_state
from include.services.engines.endpoints import Endpoints
from tests.metric_events import COURSE, KINDS, MONDAY, REQUIRED, Learned
from tests.metric_runs import SUMS_AGREE, Found, Key, MetricRuns, fresh_values, own_runs

STEPS, EXAMPLES = 12, 5
RETURN_DAYS = 9  # so long that cohorts close which were open
LAST_DAY = 12  # events lie on so many days from Monday, so that most of them meet
START = dt.datetime.combine(MONDAY, dt.time(), dt.UTC) + dt.timedelta(days=3)
OFFSETS = st.integers(0, LAST_DAY - 1)


def made(seed: int, count: int) -> list[Learned]:
    """Some events of three people, on days and moments that the seed decides."""
    rng = random.Random(seed)
    return [
        Learned(
            dt.datetime.combine(MONDAY, dt.time(), dt.UTC)
            + dt.timedelta(
                days=rng.randrange(LAST_DAY), seconds=rng.choice((0, 60, 1_800, 86_399)), milliseconds=count
            ),
            rng.choice(KINDS),
            f"u{rng.randint(1, 3)}",
            props={"task_id": rng.choice(REQUIRED)},
            event_id=str(uuid.UUID(int=rng.getrandbits(128))),
        )
        for _ in range(count)
    ]


class RestatementMachine(RuleBasedStateMachine):
    """What is stored always follows from what was stored, plus the restatements of closed periods."""

    runs: MetricRuns

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.sent: list[Learned] = []
        self.open_loads: list[int] = []

    @initialize(zone=st.sampled_from(("UTC", "Europe/Moscow", "America/New_York")))
    def begin(self, zone: str) -> None:
        self.runs.stores.clear()
        self.runs.stores.set_zone(zone)
        self.runs.stores.require()

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 6), is_landed=st.booleans())
    def send(self, seed: int, count: int, is_landed: bool) -> None:
        events = made(seed, count)
        load_id = self.runs.stores.put(events, is_landed=is_landed)
        self.sent += events
        if not is_landed:
            self.open_loads.append(load_id)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.runs.stores.put([data.draw(st.sampled_from(self.sent))])

    @precondition(lambda self: self.open_loads)
    @rule()
    def land(self) -> None:
        self.runs.stores.land(self.open_loads.pop(0))

    @rule(hours=st.sampled_from((5, 24, 50, 200)))
    def wait(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours)

    @rule()
    def recalculate(self) -> None:
        self._explained()

    @rule(first=OFFSETS, length=st.integers(1, 3))
    def backfill(self, first: int, length: int) -> None:
        start = MONDAY + dt.timedelta(days=first)
        days = tuple(iter_days(start, start + dt.timedelta(days=length - 1)))
        self._explained(courses=(COURSE,), days=days)

    @rule(first=OFFSETS, hours=st.integers(1, 90))
    def calculate_a_period(self, first: int, hours: int) -> None:
        start_at = START + dt.timedelta(days=first - 3, hours=7)
        self._explained(courses=(COURSE,), bounds=(start_at, start_at + dt.timedelta(hours=hours)))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Take an event away, and have its day and the days around it, which cover every zone, calculated again."""
        event = data.draw(st.sampled_from(self.sent))
        self.sent.remove(event)
        self.runs.stores.remove(event.event_id)
        days = tuple(event.at.date() + dt.timedelta(days=offset) for offset in (-1, 0, 1))
        self._explained(courses=(COURSE,), days=days, cause="deletion")

    def _explained(self, **order: object) -> RecalculationReport:
        before, slices, known = self.runs.values(), self.runs.slices(), len(self.runs.restatements())
        report = self.runs.run(now=self.now, **order)
        after, told = self.runs.values(), dict[Key, tuple[float | None, float | None]]()
        for one in self.runs.restatements()[known:]:
            assert one.key not in told
            told[one.key] = (one.old_value, one.new_value)
        closed = {
            key for key in slices
            if period_state(key[6], now=self.now, grace_hours=self.runs.stores.settings.learning.grace_hours) == CLOSED
        }  # fmt: skip
        for key in before.keys() | after.keys():
            is_closed = tuple(getattr(key, name) for name in SLICE) in closed
            old, new = _value(before.get(key)), _value(after.get(key))
            if is_closed and not _equal(old, new):
                assert told.pop(key) == (old, new), key
        assert told == {}
        self.runs.assert_explained()
        return report

    def teardown(self) -> None:
        """What was put together bit by bit is what a calculation from scratch gives."""
        while self.open_loads:
            self.runs.stores.land(self.open_loads.pop(0))
        self._explained()
        self.now += dt.timedelta(days=RETURN_DAYS)
        self._explained()
        assert self.runs.waiting_days() == []
        found = {key: one for key, one in self.runs.values().items() if key.grain != "custom"}
        assert found == fresh_values(self.runs, (), now=self.now)


SLICE = ("course", "metric", "version", "digest", "grain", "start_at", "end_at")


def _value(found: Found | None) -> float | None:
    return None if found is None else found.value


def _equal(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return abs(old - new) <= SUMS_AGREE * max(abs(old), abs(new))


class TestI10Restatements:
    def test_should_explain_every_change_when_anything_happens(self, endpoints: Endpoints) -> None:
        with own_runs(endpoints) as runs:
            RestatementMachine.runs = runs
            run_state_machine_as_test(
                RestatementMachine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
