"""A day that is blocked, approved, blocked for something else, uploaded and killed in any order."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine

from include.conversions.linkage import retry_linkage
from include.conversions.upload_day import BLOCKED_FAILPOINTS, UPLOAD_FAILPOINTS
from include.days import utc_now
from include.metrika.client.conversions_api import ConversionsApi
from include.metrika_sandbox.serving.server import SandboxHandle
from include.visits.monitoring import blocking
from include.visits.monitoring.blocking import BLOCK_FAILPOINTS
from include.warehouse.client import Warehouse
from tests.blocked_days import approve, block_of, find, finding
from tests.conversion_days import (
    SETTLE_SECONDS,
    ScoredDay,
    engine_settings,
    scored,
    shared_api,
    shared_sandbox,
    state,
    warehouse,
)
from tests.faults.test_upload_machine import Killed, UploadMachine, killed_at

__all__ = ["engine_settings", "scored", "shared_api", "shared_sandbox", "state", "warehouse"]

STEPS, EXAMPLES = 20, 20
FINDINGS = st.sampled_from([(), (finding(),), (finding(size="large"),), (finding("page_views"), finding())])


@contextlib.contextmanager
def dying_at(point: str) -> Iterator[None]:
    """Let a report or an approval die at a point; its transaction rolls back."""

    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocking, "failpoint", die)
        with contextlib.suppress(Killed):
            yield


class BlockMachine(UploadMachine):
    """The machine of uploads, with a person who has to let unusual days pass."""

    @initialize()
    def open_watched_day(self) -> None:
        self.blocked_for: set[tuple[str, str]] = set()
        self.approved: set[tuple[str, str]] = set()

    @rule(findings=FINDINGS)
    def report(self, findings: tuple[dict[str, str], ...]) -> None:
        is_blocked = find(self.state, self.scored.counter_id, self.scored.day, *findings)
        self._found(findings)
        assert is_blocked == bool(self.blocked_for)

    @rule(findings=FINDINGS, point=st.sampled_from(BLOCK_FAILPOINTS[:2]))
    def report_and_die(self, findings: tuple[dict[str, str], ...], point: str) -> None:
        died = True
        with dying_at(point):
            find(self.state, self.scored.counter_id, self.scored.day, *findings)
            died = False
        if not died:  # it had nothing to write
            self._found(findings)

    @rule()
    def approve(self) -> None:
        released = approve(self.state, self.scored.counter_id, self.scored.day)
        assert released == bool(self.blocked_for)
        self.approved |= self.blocked_for
        self.blocked_for = set()

    @rule()
    def approve_and_die(self) -> None:
        with dying_at("block.released"):
            approve(self.state, self.scored.counter_id, self.scored.day)

    @rule()
    def approve_what_is_gone(self) -> None:
        assert approve(self.state, self.scored.counter_id, self.scored.day, evidence=["older"]) == 0

    @rule(max_rows=st.sampled_from([2, 1_000]))
    def upload(self, max_rows: int) -> None:
        self._begin()
        report = self.scored.upload(settings=replace(self.scored.settings, max_file_rows=max_rows))
        assert report.sent + report.held + report.already_sent == len(self.scored.visits)
        assert report.is_blocked == bool(self.blocked_for)
        moments = {(str(visit.client_id), visit.epoch) for visit in self.scored.visits}
        if not self.blocked_for:
            assert moments <= set(self.scored.accepted())
        assert set(report.held_reasons) <= {"same_moment", *(["drift_not_approved"] if self.blocked_for else [])}

    @rule()
    def keep_house(self) -> None:
        self._begin()
        later = utc_now() + dt.timedelta(hours=25)
        retry_linkage(
            self.state, self.api, counter_ids=[self.scored.counter_id], settings=self.scored.settings,
            run_id="housekeeping", now=later, settle_seconds=SETTLE_SECONDS,
        )  # fmt: skip

    @rule(point=st.sampled_from((*UPLOAD_FAILPOINTS, *BLOCKED_FAILPOINTS)))
    def upload_and_die(self, point: str) -> None:
        self._begin()
        with killed_at(point):
            self.scored.upload()

    @invariant()
    def the_block_is_what_the_model_says(self) -> None:
        if getattr(self, "blocked_for", None):
            assert block_of(self.state, self.scored.counter_id, self.scored.day).released_at is None

    def _begin(self) -> None:
        """A blocked day adds nobody to those who may be at Metrika."""
        if not self.blocked_for:
            super()._begin()

    def _found(self, findings: tuple[dict[str, str], ...]) -> None:
        found = {(one["feature"], one["size"]) for one in findings}
        covered = {(feature, "moderate") for feature, _ in self.approved} | self.approved
        self.blocked_for = found if found - covered else set()


class TestBlockedUploadMachine:
    """Held means held, approved means sent once, whatever dies in between."""

    def test_should_keep_every_promise_when_anything_happens(
        self, warehouse: Warehouse, state: Engine, shared_api: ConversionsApi, shared_sandbox: SandboxHandle
    ) -> None:
        BlockMachine.warehouse, BlockMachine.state = warehouse, state
        BlockMachine.api, BlockMachine.sandbox = shared_api, shared_sandbox
        run_state_machine_as_test(
            BlockMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


class TestHousekeeping:
    @pytest.mark.parametrize("point", ["upload.prepared", "upload.marked"])
    def test_should_send_no_interrupted_file_of_a_blocked_day(self, scored: ScoredDay, point: str) -> None:
        with killed_at(point):
            scored.upload()
        find(scored.state, scored.counter_id, scored.day, finding())
        retry_linkage(
            scored.state, scored.api, counter_ids=[scored.counter_id], settings=scored.settings,
            run_id="housekeeping", settle_seconds=SETTLE_SECONDS,
        )  # fmt: skip
        assert scored.accepted() == []


class TestKilledOnABlockedDay:
    @pytest.mark.parametrize("point", [*BLOCKED_FAILPOINTS, *UPLOAD_FAILPOINTS])
    def test_should_send_nothing_until_approved_and_each_once_afterwards(self, scored: ScoredDay, point: str) -> None:
        find(scored.state, scored.counter_id, scored.day, finding())
        with killed_at(point):
            scored.upload()
        report = scored.upload()
        assert (report.sent, report.held, scored.accepted()) == (0, 5, [])
        approve(scored.state, scored.counter_id, scored.day)
        scored.upload()
        assert scored.accepted() == scored.expected()

    @pytest.mark.parametrize("point", UPLOAD_FAILPOINTS)
    def test_should_send_each_at_most_once_when_blocked_after_the_kill(self, scored: ScoredDay, point: str) -> None:
        with killed_at(point):
            scored.upload()
        before = scored.accepted()
        find(scored.state, scored.counter_id, scored.day, finding())
        report = scored.upload()
        assert report.sent + report.already_sent == len(before)
        assert scored.accepted() == before
        approve(scored.state, scored.counter_id, scored.day)
        scored.upload()
        assert scored.accepted() == scored.expected()
