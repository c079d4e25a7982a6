"""The day manifest behaves like a dictionary by counter, day and stage (model-based)."""

from __future__ import annotations

import datetime as dt

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete

from include.days import utc_now
from include.state.manifest import StageRecord, counters_with, read_stage, read_stages, write_stage
from include.state.tables import day_stages

COUNTERS = st.sampled_from([101, 202, 10**12])
DAYS = st.dates(dt.date(2025, 7, 1), dt.date(2025, 7, 3))
STAGES = st.sampled_from(["visits", "hits", "scores", "upload"])
ALL_DAYS = [dt.date(2025, 7, day) for day in (1, 2, 3)]


def record(counter_id: int, day: dt.date, stage: str, digest: str, stored: int) -> StageRecord:
    return StageRecord(
        counter_id, day, stage, digest, f"in-{digest}", "run", 1.5, utc_now(), {"stored": stored}, {"zone": "UTC"}
    )


def machine_for(engine: Engine) -> type[RuleBasedStateMachine]:
    class Manifest(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model: dict[tuple[int, dt.date, str], StageRecord] = {}
            with engine.begin() as connection:
                connection.execute(delete(day_stages))

        @rule(counter_id=COUNTERS, day=DAYS, stage=STAGES, digest=st.text("0f", min_size=1), stored=st.integers(0))
        def write(self, counter_id: int, day: dt.date, stage: str, digest: str, stored: int) -> None:
            found = record(counter_id, day, stage, digest, stored)
            with engine.begin() as connection:
                write_stage(connection, found)
            self.model[counter_id, day, stage] = found

        @rule(counter_id=COUNTERS, day=DAYS, stage=STAGES)
        def forget_when_the_transaction_fails(self, counter_id: int, day: dt.date, stage: str) -> None:
            with engine.connect() as connection:
                write_stage(connection, record(counter_id, day, stage, "lost", 0))
                connection.rollback()

        @invariant()
        def holds_what_was_written_last(self) -> None:
            with engine.connect() as connection:
                for counter_id in (101, 202, 10**12):
                    wanted = sorted(
                        (one for key, one in self.model.items() if key[0] == counter_id),
                        key=lambda one: (one.day, one.stage),
                    )
                    assert read_stages(connection, counter_id, ALL_DAYS) == wanted
                scored = sorted({key[0] for key in self.model if key[2] == "scores" and key[1] == ALL_DAYS[0]})
                assert counters_with(connection, ALL_DAYS[:1], "scores") == scored

    return Manifest


class TestManifest:
    def test_should_hold_what_was_written_last_whatever_is_written(self, state: Engine) -> None:
        run_state_machine_as_test(
            machine_for(state),
            settings=settings(
                max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )

    def test_should_give_nothing_when_a_stage_has_not_run(self, state: Engine) -> None:
        with state.connect() as connection:
            assert read_stage(connection, 7, dt.date(2025, 7, 1), "visits") is None
