"""I6 as a state machine: scores change, runs die, answers are lost; a model knows what Metrika may hold."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

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
from sqlalchemy import Engine

from include.conversions import upload_day
from include.conversions.ledger import batches
from include.conversions.sending import delivery
from include.conversions.sending import exactly_once as sending
from include.conversions.sending.exactly_once import MOST_POSTS
from include.errors import InputError, SourceUnavailable
from include.metrika.client.conversions_api import ConversionsApi
from include.metrika_sandbox.serving.server import SandboxHandle
from include.warehouse.client import Warehouse
from tests.conversion_days import (
    FAST,
    ScoredDay,
    Visit,
    engine_settings,
    new_scored_day,
    shared_api,
    shared_sandbox,
    state,
    warehouse,
)

__all__ = ["engine_settings", "shared_api", "shared_sandbox", "state", "warehouse"]

STEPS, EXAMPLES = 15, 10
TWINS = (3, 4)  # share client and second
ROUNDS = st.sets(st.integers(0, 4), min_size=1) | st.sampled_from([{twin} for twin in TWINS])


class Killed(BaseException):
    """Stands for the death of the process: nothing in the product may catch it."""


@contextlib.contextmanager
def killed_at(point: str) -> Iterator[None]:
    """Let the job die at a point of this process; open transactions roll back as they do when a process dies."""

    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with pytest.MonkeyPatch.context() as patch:
        for module in (upload_day, batches, sending, delivery):
            patch.setattr(module, "failpoint", die)
        with contextlib.suppress(Killed):
            yield


class UploadMachine(RuleBasedStateMachine):
    """Five visits come and go; the last two share client and second."""

    warehouse: Warehouse
    state: Engine
    api: ConversionsApi
    sandbox: SandboxHandle

    @initialize()
    def open_day(self) -> None:
        self.healthy = replace(self.sandbox.faults, lost_upload_replies=0, linkage_failure_count=0, no_goals=False)
        self.sandbox.set_faults(self.healthy)
        self.scored: ScoredDay = new_scored_day(self.warehouse, self.state, self.api, self.sandbox)
        known = self.scored.known_visits(4)
        self.all = [*known, replace(known[3], visit_id=known[3].visit_id + 1)]
        self.scored.score(self.all[:3])
        self.broken_posts = 0
        self.eligible: set[tuple[str, int]] = set()  # whatever was level 4+ when a run began

    @rule(chosen=ROUNDS)
    def score_again(self, chosen: set[int]) -> None:
        self.scored.score([self.all[place] for place in sorted(chosen)])

    @rule(max_rows=st.sampled_from([2, 1_000]))
    def upload(self, max_rows: int) -> None:
        self._begin()
        report = self.scored.upload(settings=replace(self.scored.settings, max_file_rows=max_rows))
        assert report.sent + report.held + report.already_sent == len(self.scored.visits)
        assert {_moment(visit) for visit in self.scored.visits} <= set(self.scored.accepted())
        assert set(report.held_reasons) <= {"same_moment"}

    @rule(point=st.sampled_from(upload_day.UPLOAD_FAILPOINTS))
    def upload_and_die(self, point: str) -> None:
        self._begin()
        with killed_at(point):
            self.scored.upload()

    @rule()
    def upload_with_a_lost_reply(self) -> None:
        self.sandbox.set_faults(replace(self.healthy, lost_upload_replies=1))
        self.upload(1_000)
        self.sandbox.set_faults(self.healthy)

    @rule()
    def upload_without_a_goal(self) -> None:
        self.sandbox.set_faults(replace(self.healthy, no_goals=True))
        self._begin()
        with contextlib.suppress(InputError):
            self.scored.upload()
        self.sandbox.set_faults(self.healthy)

    @rule(asked=st.sampled_from(["goals", "offline_conversions/uploadings"]))
    def upload_during_an_outage(self, asked: str) -> None:
        self._begin()
        self._fail(asked, status=503, times=FAST.outage_tries)
        with contextlib.suppress(SourceUnavailable):
            self.scored.upload()
        with contextlib.suppress(SourceUnavailable):  # use up what the upload did not meet
            self.api.goals(self.scored.counter_id)
            self.api.uploadings(self.scored.counter_id)

    @precondition(lambda self: self.broken_posts < MOST_POSTS - 1)  # planned failures wait for the next posts
    @rule(status=st.sampled_from([503, 0]))
    def upload_with_a_broken_post(self, status: int) -> None:
        self.broken_posts += 1
        self._fail("offline_conversions/upload", status=status, method="POST")
        self.upload(1_000)

    @rule()
    def look(self) -> None:
        self.scored.track()

    @invariant()
    def nobody_is_at_metrika_twice(self) -> None:
        if hasattr(self, "scored"):
            accepted = self.scored.accepted()
            assert len(accepted) == len(set(accepted))

    @invariant()
    def nobody_is_at_metrika_who_was_never_level4(self) -> None:
        if hasattr(self, "scored"):
            assert set(self.scored.accepted()) <= self.eligible

    @invariant()
    def every_waiting_upload_has_all_its_rows(self) -> None:
        if hasattr(self, "scored"):
            owned = Counter(row["upload_id"] for row in self.scored.ledger() if row["stage"] == "placed")
            waiting = [upload for upload in self.scored.uploads() if upload["stage"] == "prepared"]
            assert all(owned[upload["upload_id"]] == upload["row_count"] > 0 for upload in waiting)

    def _fail(self, path: str, **failure: Any) -> None:
        self.sandbox.fail_next(f"/counter/{self.scored.counter_id}/{path}", **failure)

    def _begin(self) -> None:
        self.eligible |= {_moment(visit) for visit in self.scored.visits}


def _moment(visit: Visit) -> tuple[str, int]:
    return str(visit.client_id), visit.epoch


class TestM21UploadMachine:
    """I6: over random histories of faults, nothing is doubled and nothing lost."""

    def test_should_keep_every_promise_when_anything_happens(
        self, warehouse: Warehouse, state: Engine, shared_api: ConversionsApi, shared_sandbox: SandboxHandle
    ) -> None:
        UploadMachine.warehouse, UploadMachine.state = warehouse, state
        UploadMachine.api, UploadMachine.sandbox = shared_api, shared_sandbox
        run_state_machine_as_test(
            UploadMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
