"""I6 with changing models: over random histories of scoring, what-ifs, uploads and roll-backs nothing is sent twice."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

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
from sqlalchemy import Engine, text

from include.conversions import upload_day
from include.conversions.ledger import batches
from include.conversions.sending import delivery
from include.conversions.sending import exactly_once as sending
from include.conversions.upload_day import UPLOAD_FAILPOINTS
from include.errors import InputError, ModelError, StoreConflict
from include.metrika.client.conversions_api import ConversionsApi
from include.metrika_sandbox.behaviour.config import CounterConfig, SandboxConfig
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox
from include.registry import promotions, versions
from include.registry.promotions import roll_back
from include.state.manifest import read_stage
from include.visits.scoring import score_day as scoring
from include.visits.scoring.score_day import score_day
from include.visits.what_if import applying
from include.visits.what_if.applying import APPLY_FAILPOINTS
from include.visits.what_if.proposal import Proposal
from include.visits.what_if.records import WhatIf
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest
from tests.conversion_days import ZONE, ScoredDay, open_api
from tests.visit_days import LoadedDay, migrated, visit_environ, warehouse
from tests.what_if_days import DESKTOP, MOBILE, Trials

__all__ = ["migrated", "visit_environ", "warehouse"]

STEPS, EXAMPLES = 12, 5
NAMES = st.sampled_from([DESKTOP, MOBILE])
THRESHOLDS = st.sampled_from([0.05, 0.15, 0.25, 0.35, 0.45])  # probabilities are 0.1 to 0.4
POINTS = st.sampled_from([*APPLY_FAILPOINTS, "score.features_swapped", "score.scores_swapped", "registry.promoted"])
DYING = (upload_day, batches, sending, delivery, applying, scoring, promotions, versions)
_counters = iter(range(6001, 6999))


class Killed(BaseException):
    """Stands for the death of the process: nothing in the product may catch it."""


@contextlib.contextmanager
def killed_at(point: str) -> Iterator[None]:
    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with pytest.MonkeyPatch.context() as patch:
        for module in DYING:
            patch.setattr(module, "failpoint", die)
        with contextlib.suppress(Killed):
            yield


class WhatIfMachine(RuleBasedStateMachine):
    """Eight visits of two devices with 1 to 4 slots; thresholds and versions come and go."""

    warehouse: Warehouse
    state: Engine
    api: ConversionsApi
    sandbox: SandboxHandle
    folder: Path

    @initialize()
    def open_day(self) -> None:
        with self.state.begin() as connection:
            connection.execute(text("TRUNCATE models, model_promotions"))
        counter_id, day = next(_counters), dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
        self.sent_day = ScoredDay(self.warehouse, self.state, self.api, self.sandbox, counter_id, day)
        self.day = LoadedDay(self.warehouse, self.state, counter_id, day, ZONE)
        self.trials = Trials(self.warehouse, self.state, self.folder)
        for number, visit in enumerate(self.sent_day.known_visits(8)):
            self.day.add_visit(
                [15 * slot for slot in range(number % 4 + 1)],
                client_id=visit.client_id,
                started_at=dt.datetime.fromtimestamp(visit.epoch, dt.UTC),
                device_category="1" if number < 4 else "2",
            )
        self.day.store()
        for name in (DESKTOP, MOBILE):
            self.trials.serve(name, 0.25)
        self.asked: WhatIf | None = None
        self.eligible: set[tuple[str, int]] = set()
        self.score()

    @rule()
    def score(self) -> None:
        score_day(
            self.warehouse, self.state, counter_id=self.day.counter_id, day=self.day.day,
            exports_dir=self.folder / "exports", models_dir=self.folder / "models", run_id="machine",
        )  # fmt: skip

    @rule(name=NAMES, threshold=THRESHOLDS)
    def ask(self, name: str, threshold: float) -> None:
        if not self.is_whole():
            with pytest.raises(StoreConflict):
                self.trials.ask(self.day, Proposal(thresholds={name: threshold}))
            return
        self.asked = self.trials.ask(self.day, Proposal(thresholds={name: threshold}))
        total = self.asked.summary["total"]
        assert total["before"] == total["kept"] + total["removed"] == len(self.level4())
        assert total["after"] == total["kept"] + total["added"]
        assert total["removed_sent"] <= len(set(self.sent_day.accepted()) & self.level4())

    @precondition(lambda self: self.asked is not None)
    @rule()
    def apply(self) -> None:
        assert self.asked is not None
        applied = self.applied(self.asked)
        if applied is not None and not self.changed_since(applied):
            assert len(self.level4()) == self.asked.summary["total"]["after"]

    @precondition(lambda self: self.asked is not None)
    @rule(point=POINTS)
    def apply_and_die(self, point: str) -> None:
        assert self.asked is not None
        with killed_at(point), contextlib.suppress(InputError):
            self.trials.apply(self.asked, run_id=f"apply {self.asked.what_if_id}")

    @rule(name=NAMES)
    def undo_a_promotion(self, name: str) -> None:
        with contextlib.suppress(ModelError):
            roll_back(self.state, name)

    @rule()
    def upload(self) -> None:
        standing = self.level4()
        self.eligible |= standing
        if not self.is_whole():
            with contextlib.suppress(StoreConflict):  # scoring has to be finished first
                self.sent_day.upload()
            return
        report = self.sent_day.upload()
        assert report.sent + report.held + report.already_sent == len(standing)
        accepted = self.sent_day.accepted()
        assert standing <= set(accepted)
        assert report.sent + report.already_sent + report.withdrawn_sent == len(accepted)

    @rule(point=st.sampled_from(UPLOAD_FAILPOINTS))
    def upload_and_die(self, point: str) -> None:
        self.eligible |= self.level4()
        with killed_at(point), contextlib.suppress(StoreConflict):
            self.sent_day.upload()

    @invariant()
    def nobody_is_at_metrika_twice(self) -> None:
        if hasattr(self, "sent_day"):
            accepted = self.sent_day.accepted()
            assert len(accepted) == len(set(accepted))

    @invariant()
    def nobody_is_at_metrika_who_was_never_level4(self) -> None:
        if hasattr(self, "eligible"):
            assert set(self.sent_day.accepted()) <= self.eligible

    def applied(self, asked: WhatIf) -> WhatIf | None:
        """Apply; None when it was refused as out of date."""
        try:
            return self.trials.apply(asked, run_id=f"apply {asked.what_if_id}")
        except InputError as error:
            if error.code != "what_if_stale":
                raise
            return None

    def is_whole(self) -> bool:
        """Whether the stored scores are those of the manifest: no scoring died between the two."""
        with self.state.connect() as connection:
            record = read_stage(connection, self.day.counter_id, self.day.day, "scores")
        assert record is not None
        return record.digest == day_digest(self.warehouse, "visit_scores", self.day.counter_id, self.day.day)

    def level4(self) -> set[tuple[str, int]]:
        rows = [row for row in self.day.rows("visit_scores") if row["is_level4"]]
        return {(str(row["client_id"]), int(row["started_at"].timestamp())) for row in rows}

    def changed_since(self, applied: WhatIf) -> bool:
        """Whether the what-if was in force before this call, and something came after it."""
        found = {row["model_version"] for row in self.day.rows("visit_scores")} - {""}
        return not {model.version for model in applied.models} <= found


@pytest.mark.timeout(600)  # each step scores a day
class TestM21WhatIfMachine:
    """I6: whatever models come and go, Metrika gets each visit once, and only while it was level 4+."""

    def test_should_keep_every_promise_when_models_come_and_go(
        self, warehouse: Warehouse, migrated: Engine, tmp_path: Path
    ) -> None:
        config = SandboxConfig(
            counters=tuple(CounterConfig(number, ZONE) for number in range(6001, 6999)),
            visits_per_day=100,
            status_seconds=0.1,
        )
        with run_sandbox(config) as sandbox, open_api(migrated, sandbox.url) as api:
            WhatIfMachine.warehouse, WhatIfMachine.state, WhatIfMachine.folder = warehouse, migrated, tmp_path
            WhatIfMachine.api, WhatIfMachine.sandbox = api, sandbox
            run_state_machine_as_test(
                WhatIfMachine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
