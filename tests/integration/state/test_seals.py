"""The seal of a day keeps what its stages said, whatever happens to the manifest later."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, update

from include.days import utc_now
from include.state.manifest import StageRecord, read_stage, write_stage
from include.state.seals import DaySeal, read_seal
from include.state.tables import day_seals, day_stages

DAY = dt.date(2025, 9, 3)


def write(state: Engine, counter_id: int, stage: str, stored: int = 5, **changes: object) -> StageRecord:
    record = StageRecord(
        counter_id, DAY, stage, "d", "i", "run", 0.1, utc_now(), {"stored": stored}, {"share": 1e-7, "large": 1e22}
    )
    with state.begin() as connection:
        write_stage(connection, record, narrowing={"cells": "00"} if stage == "visits" else None)
    return record


def seal(state: Engine, counter_id: int) -> DaySeal:
    with state.connect() as connection:
        found = read_seal(connection, counter_id, DAY)
    assert found is not None
    return found


class TestReadSeal:
    def test_should_give_nothing_when_no_stage_was_written(self, state: Engine) -> None:
        with state.connect() as connection:
            assert read_seal(connection, 9001, DAY) is None

    def test_should_bind_every_stage_when_several_were_written(self, state: Engine) -> None:
        for stage in ("visits", "hits", "scores"):
            write(state, 9002, stage)
        found = seal(state, 9002)
        assert (found.is_whole, sorted(found.stages), dict(found.narrowing)) == (
            True,
            ["hits", "scores", "visits"],
            {"visits": {"cells": "00"}},
        )

    def test_should_give_the_record_back_when_it_is_read(self, state: Engine) -> None:
        write(state, 9003, "visits")
        with state.connect() as connection:
            stored = read_stage(connection, 9003, DAY, "visits")
        assert StageRecord.from_json(9003, DAY, "visits", seal(state, 9003).stages["visits"]) == stored

    def test_should_keep_what_a_stage_said_when_its_record_was_edited_and_another_runs(self, state: Engine) -> None:
        write(state, 9004, "visits")
        with state.begin() as connection:
            connection.execute(update(day_stages).where(day_stages.c.counter_id == 9004).values(counts={"stored": 6}))
        write(state, 9004, "scores")
        assert seal(state, 9004).stages["visits"]["counts"] == {"stored": 5}

    def test_should_not_be_whole_when_the_seal_was_edited(self, state: Engine) -> None:
        write(state, 9005, "visits")
        with state.begin() as connection:
            connection.execute(update(day_seals).where(day_seals.c.counter_id == 9005).values(narrowing={}))
        assert not seal(state, 9005).is_whole

    def test_should_forget_the_digests_of_rows_when_a_day_is_loaded_again_without_rows(self, state: Engine) -> None:
        write(state, 9006, "visits")
        with state.begin() as connection:
            write_stage(connection, StageRecord(9006, DAY, "visits", "0", "", "run", 0.1, utc_now()))
        assert seal(state, 9006).narrowing == {}
