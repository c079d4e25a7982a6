from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from include.errors import ModelError
from include.failpoints import VARIABLE
from include.registry import promotions
from include.registry.promotions import archive, list_promotions, promote, roll_back
from include.registry.versions import find_production, list_versions, register
from include.settings import Settings
from include.state.engine import connect_state
from tests.visit_days import migrated, state, visit_environ
from tests.visit_models import SlotShare

__all__ = ["migrated", "state", "visit_environ"]

NAME, OTHER = "level4_desktop", "level4_mobile"
STEPS, EXAMPLES = 20, 15
POINTS = ("registry.archived_before_promotion", "registry.stage_changed", "registry.promotion_written")
ENDS = {"promote": "registry.promoted", "roll_back": "registry.rolled_back"}
DEATHS = [(action, point) for action, end in ENDS.items() for point in (*POINTS, end)]


@pytest.fixture
def versions(state: Engine, tmp_path: Path) -> list[str]:
    """Three registered versions of one model."""
    return [_register(state, tmp_path, NAME, share) for share in (0.1, 0.2, 0.3)]


def history_of(state: Engine) -> list[tuple[str, str, str]]:
    return [(one.version, one.replaced_version, one.cause) for one in list_promotions(state, NAME)]


def serving(state: Engine) -> str | None:
    found = find_production(state, NAME)
    return found.version if found else None


class TestPromote:
    def test_should_write_down_what_was_replaced_and_why(self, state, versions):
        promote(state, NAME, versions[0], cause="import", run_id="run 1")
        promote(state, NAME, versions[1], cause="gate", run_id="run 2")
        assert history_of(state) == [(versions[0], "", "import"), (versions[1], versions[0], "gate")]
        assert [one.run_id for one in list_promotions(state, NAME)] == ["run 1", "run 2"]

    def test_should_have_the_time_of_the_row_when_written_down(self, state, versions):
        promoted = promote(state, NAME, versions[0], cause="command")
        assert [one.promoted_at for one in list_promotions(state, NAME)] == [promoted.promoted_at]

    def test_should_write_nothing_when_the_version_serves_already(self, state, versions):
        first = promote(state, NAME, versions[0], cause="import")
        assert promote(state, NAME, versions[0], cause="command") == first
        assert len(history_of(state)) == 1

    def test_should_refuse_when_the_cause_is_unknown(self, state, versions):
        with pytest.raises(ModelError, match="no cause of a promotion"):
            promote(state, NAME, versions[0], cause="whim")
        assert (serving(state), history_of(state)) == (None, [])

    def test_should_form_one_chain_when_many_promote_at_once(self, state, versions):
        threads = [
            threading.Thread(target=promote, args=(state, NAME, versions[number % 3]), kwargs={"cause": "command"})
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        told = history_of(state)
        assert [replaced for _, replaced, _ in told] == ["", *(version for version, _, _ in told[:-1])]
        assert serving(state) == told[-1][0]


class TestRollBack:
    def test_should_go_two_steps_back_when_done_twice(self, state, versions):
        for version in versions:
            promote(state, NAME, version, cause="command")
        assert [roll_back(state, NAME).version for _ in range(2)] == [versions[1], versions[0]]
        assert history_of(state)[3:] == [
            (versions[1], versions[2], "rollback"), (versions[0], versions[1], "rollback"),
        ]  # fmt: skip

    def test_should_go_on_from_there_when_another_is_promoted_after_it(self, state, versions):
        promote(state, NAME, versions[0], cause="command")
        promote(state, NAME, versions[1], cause="command")
        roll_back(state, NAME)
        promote(state, NAME, versions[2], cause="command")
        assert roll_back(state, NAME).version == versions[0]

    @pytest.mark.parametrize("promoted", [0, 1])
    def test_should_refuse_when_there_is_no_version_before(self, state, versions, promoted):
        for version in versions[:promoted]:
            promote(state, NAME, version, cause="command")
        before = (serving(state), history_of(state))
        with pytest.raises(ModelError, match="no version to go back to"):
            roll_back(state, NAME)
        assert (serving(state), history_of(state)) == before

    def test_should_refuse_the_third_time_when_three_versions_served(self, state, versions):
        for version in versions:
            promote(state, NAME, version, cause="command")
        roll_back(state, NAME)
        roll_back(state, NAME)
        with pytest.raises(ModelError, match="models history"):
            roll_back(state, NAME)
        assert serving(state) == versions[0]

    def test_should_serve_the_one_before_when_the_last_was_archived(self, state, versions):
        for version in versions[:2]:
            promote(state, NAME, version, cause="command")
        archive(state, NAME, versions[1])
        assert roll_back(state, NAME).version == versions[0]

    def test_should_know_the_version_that_served_before_the_history_began(self, state, versions):
        with state.begin() as connection:
            connection.execute(
                text("UPDATE models SET stage = 'production' WHERE version = :version"), {"version": versions[0]}
            )
        promote(state, NAME, versions[1], cause="command")
        assert roll_back(state, NAME).version == versions[0]

    def test_should_leave_other_models_alone(self, state, versions, tmp_path):
        mobile = [_register(state, tmp_path, OTHER, share) for share in (0.4, 0.5)]
        for version in mobile:
            promote(state, OTHER, version, cause="command")
        for version in versions[:2]:
            promote(state, NAME, version, cause="command")
        roll_back(state, NAME)
        found = find_production(state, OTHER)
        assert found is not None
        assert found.version == mobile[1]


class TestKilledWhilePromoting:
    @pytest.mark.parametrize(("action", "point"), DEATHS)
    def test_should_agree_with_the_history_and_go_on_when_killed(self, state, versions, visit_environ, action, point):
        promote(state, NAME, versions[0], cause="command")
        promote(state, NAME, versions[1], cause="command")
        wanted = versions[2] if action == "promote" else versions[0]
        process = multiprocessing.get_context("spawn").Process(
            target=_act_and_die, args=({**visit_environ, VARIABLE: point}, action, wanted)
        )
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        is_done = point == ENDS[action]
        assert serving(state) == (wanted if is_done else versions[1])
        assert history_of(state)[-1][0] == serving(state)
        if not is_done:
            assert _act(state, action, wanted).version == wanted
        assert len(history_of(state)) == 3


class Killed(BaseException):
    """Stands for the death of the process: nothing in the product may catch it."""


class RegistryMachine(RuleBasedStateMachine):
    """Versions come, serve, are taken out and come back; a model of lists knows which one serves."""

    state: Engine
    models_dir: Path

    @initialize()
    def empty(self) -> None:
        with self.state.begin() as connection:
            connection.execute(text("TRUNCATE models, model_promotions"))
        self.known: dict[int, str] = {}
        self.steps: list[str] = []
        self.serving: str | None = None
        self.told: list[tuple[str, str, str]] = []

    @rule(number=st.integers(0, 3))
    def register(self, number: int) -> None:
        made = _register(self.state, self.models_dir, NAME, number / 10)
        assert self.known.setdefault(number, made) == made

    @rule(number=st.integers(0, 3), cause=st.sampled_from(["import", "command", "gate", "approval", "what_if"]))
    def promote(self, number: int, cause: str) -> None:
        version = self.known.get(number)
        if version is None:
            with pytest.raises(ModelError, match="not registered"):
                promote(self.state, NAME, "0123456789ab", cause=cause)
            return
        promote(self.state, NAME, version, cause=cause)
        if self.serving != version:
            self._now_serves(version, cause)

    @rule(number=st.integers(0, 3), point=st.sampled_from(POINTS))
    def promote_and_die(self, number: int, point: str) -> None:
        def die(name: str) -> None:
            if name == point:
                raise Killed(name)

        version = self.known.get(number)
        if version is None or version == self.serving:
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(promotions, "failpoint", die)
            with pytest.raises(Killed):
                promote(self.state, NAME, version, cause="command")

    @rule(number=st.integers(0, 3))
    def archive(self, number: int) -> None:
        version = self.known.get(number)
        if version is not None:
            archive(self.state, NAME, version)
            self.serving = None if self.serving == version else self.serving

    @rule()
    def roll_back(self) -> None:
        if len(self.steps) < 2:
            with pytest.raises(ModelError, match="no version to go back to"):
                roll_back(self.state, NAME)
            return
        wanted = self.steps[-2]
        assert roll_back(self.state, NAME).version == wanted
        del self.steps[-2:]
        self._now_serves(wanted, "rollback")

    @invariant()
    def holds(self) -> None:
        assert serving(self.state) == self.serving
        assert history_of(self.state) == self.told
        stages = [one.stage for one in list_versions(self.state)]
        assert stages.count("production") == (self.serving is not None)

    def _now_serves(self, version: str, cause: str) -> None:
        self.told.append((version, self.serving or "", cause))
        self.serving = version
        if self.steps[-1:] != [version]:
            self.steps.append(version)


class TestRegistryMachine:
    def test_should_serve_what_the_model_says_when_steps_are_random(self, state, tmp_path):
        class Machine(RegistryMachine):
            """The machine over the stores of this test."""

        Machine.state, Machine.models_dir = state, tmp_path
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def _register(state: Engine, models_dir: Path, name: str, threshold: float) -> str:
    made = register(state, models_dir, name=name, artefact=SlotShare(), threshold=threshold, features=("slots",))
    return made.version


def _act(state: Engine, action: str, version: str) -> promotions.ModelVersion:
    return promote(state, NAME, version, cause="command") if action == "promote" else roll_back(state, NAME)


def _act_and_die(environ: dict[str, str], action: str, version: str) -> None:
    os.environ.update(environ)
    url = Settings.from_env(environ).database_url
    assert url is not None
    _act(connect_state(url), action, version)
