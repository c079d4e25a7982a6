"""I1, I4, E2 as a state machine: batches come and come again, loaders and senders die, rejected events are replayed."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from include.days import utc_now
from include.events.intake import storing, taking_in
from include.events.loading import landing, load_events, loads, people, rejections
from include.events.quarantine import replaying
from include.provenance.event_balances import balance_intake, balance_landed
from include.services.engines.endpoints import Endpoints
from include.state.tables import inbox_batches
from tests.event_inbox import Inbox, learning_event, own_inbox
from tests.load_events_process import load_and_die

STEPS, EXAMPLES = 18, 15
LOAD_EVENTS = 12
PROCESSES_OF_AN_EXAMPLE = 2  # a process of its own takes a second
INTAKE_POINTS = (
    "intake.checked",
    "intake.locked",
    "intake.remembered",
    "intake.receipted",
    "intake.quarantined",
    "intake.spooled",
    "intake.committed",
)
REPLAY_POINTS = ("replay.locked", "replay.remembered", "replay.spooled", "replay.marked", "replay.committed")
NUMBERS = st.lists(st.integers(0, 39), min_size=1, max_size=10)  # so few that most batches hold known events
REJECTED = st.lists(st.integers(100, 109), min_size=1, max_size=3, unique=True)  # sent while no event is young enough
MAX_AGE_DAYS = 90


class Killed(BaseException):
    """Stands for the death of the process: nothing in the product may catch it."""


@contextlib.contextmanager
def killed_at(point: str) -> Iterator[None]:
    """Let the job die at a point of this process; open transactions roll back as they do when a process dies."""

    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with pytest.MonkeyPatch.context() as patch:
        for module in (landing, load_events, loads, people, rejections, storing, taking_in, replaying):
            patch.setattr(module, "failpoint", die)
        with contextlib.suppress(Killed):
            yield


class EventMachine(RuleBasedStateMachine):
    """A model knows which events were acknowledged, and which of them as rejected."""

    inbox: Inbox

    @initialize()
    def open_inbox(self) -> None:
        self.inbox.clear()
        self.inbox.set_max_age(MAX_AGE_DAYS)
        self.accepted: set[int] = set()
        self.rejections = 0
        self.quarantined: set[int] = set()
        self.processes = 0

    @rule(numbers=NUMBERS)
    def send(self, numbers: list[int]) -> None:
        outcome = self.inbox.take_in([learning_event(number) for number in numbers])
        new = set(numbers) - self.accepted
        assert (outcome.accepted, outcome.duplicates) == (len(new), len(numbers) - len(new))
        self.accepted |= new

    @rule(numbers=NUMBERS, point=st.sampled_from(INTAKE_POINTS))
    def send_and_die_and_send_again(self, numbers: list[int], point: str) -> None:
        """Nobody was answered, so the sender sends again and every event is accepted or known."""
        events = [learning_event(number) for number in numbers]
        with killed_at(point):
            self.inbox.take_in(events)
        outcome = self.inbox.take_in(events)
        assert outcome.rejected == 0
        self.accepted |= set(numbers)

    @rule(numbers=REJECTED)
    def send_what_is_rejected(self, numbers: list[int]) -> None:
        wanted = [number for number in numbers if number not in self.accepted]
        if not wanted:
            return
        self.inbox.set_max_age(0)
        outcome = self.inbox.take_in([learning_event(number) for number in wanted])
        self.inbox.set_max_age(MAX_AGE_DAYS)
        assert outcome.rejected == len(wanted)
        self.rejections += len(wanted)
        self.quarantined |= set(wanted)

    @rule()
    def replay(self) -> None:
        self.inbox.replay()
        self.accepted |= self.quarantined
        self.quarantined = set()

    @rule(point=st.sampled_from(REPLAY_POINTS))
    def replay_and_die(self, point: str) -> None:
        with killed_at(point):
            self.inbox.replay()
        self.replay()

    @rule()
    def load(self) -> None:
        report = self.inbox.load(load_max_events=LOAD_EVENTS)
        assert (report.is_busy, report.waiting_events, report.repeats) == (False, 0, 0)
        self._all_are_there()

    @rule(point=st.sampled_from(load_events.FAILPOINTS))
    def load_and_die(self, point: str) -> None:
        with killed_at(point):
            self.inbox.load(load_max_events=LOAD_EVENTS)

    @precondition(lambda self: self.processes < PROCESSES_OF_AN_EXAMPLE)
    @rule(point=st.sampled_from(load_events.FAILPOINTS), time=st.integers(1, 2))
    def load_and_be_killed(self, point: str, time: int) -> None:
        self.processes += 1
        load_and_die(self.inbox.environ, f"{point}:{time}", LOAD_EVENTS)

    @invariant()
    def every_balance_adds_up(self) -> None:
        if hasattr(self, "accepted"):
            since = utc_now() - dt.timedelta(days=1)
            assert {one.residual for one in balance_intake(self.inbox.state, since=since)} <= {0}

    @invariant()
    def nothing_waits_that_nobody_sent(self) -> None:
        if hasattr(self, "accepted"):
            waiting = sum(self.inbox.waiting_counts())
            assert waiting <= len(self.accepted)

    def teardown(self) -> None:
        if hasattr(self, "accepted"):
            self.inbox.load(load_max_events=LOAD_EVENTS)
            assert self.inbox.count(inbox_batches) == 0
            self._all_are_there()

    def _all_are_there(self) -> None:
        """Acknowledged = landed + quarantined, and no id twice."""
        if self.accepted:
            assert self.inbox.ids() == sorted(self.accepted)
            since = utc_now() - dt.timedelta(days=1)
            assert balance_landed(self.inbox.warehouse, self.inbox.state, "events", since=since).residual == 0
        if self.rejections:
            assert self.inbox.warehouse.scalar("SELECT count() FROM events_rejected FINAL") == self.rejections


class TestE2EventMachine:
    def test_should_keep_every_promise_when_anything_happens(self, endpoints: Endpoints) -> None:
        with own_inbox(endpoints) as inbox:
            EventMachine.inbox = inbox
            run_state_machine_as_test(
                EventMachine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
