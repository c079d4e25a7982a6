"""I6: killed at any point and run again, every conversion is at Metrika exactly once."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from include.conversions.linkage import LINKAGE_FAILPOINTS, retry_linkage
from include.conversions.resume import send_prepared
from include.conversions.single import SINGLE_FAILPOINTS, prepare_single, read_single
from include.conversions.tracking import TRACK_FAILPOINTS
from include.conversions.upload_day import UPLOAD_FAILPOINTS
from include.days import utc_now, zone_of
from include.failpoints import VARIABLE
from include.settings import ConversionSettings, Settings
from tests.conversion_days import (
    SETTLE_SECONDS,
    ZONE,
    ScoredDay,
    engine_settings,
    scored,
    shared_api,
    shared_sandbox,
    state,
    warehouse,
)
from tests.integration.conversions.test_tracking import follow
from tests.upload_process import run_and_kill

__all__ = ["engine_settings", "scored", "shared_api", "shared_sandbox", "state", "warehouse"]


@pytest.fixture
def process(engine_settings: Settings) -> ProcessRunner:
    return ProcessRunner(engine_settings)


class ProcessRunner:
    """Runs a job in a process of its own, killed at a point."""

    def __init__(self, settings: Settings) -> None:
        warehouse = settings.clickhouse
        assert settings.database_url is not None
        assert warehouse is not None
        self._environ = {
            "DATABASE_URL": settings.database_url.value,
            "CLICKHOUSE_URL": f"clickhouse://{warehouse.host}:{warehouse.native_port}/{warehouse.database}"
            f"?http_port={warehouse.http_port}",
            "CLICKHOUSE_USER": warehouse.user,
            "CLICKHOUSE_PASSWORD": warehouse.password.value,
        }

    def run(self, job: str, scored: ScoredDay, detail: str = "", *, kill_at: str = "") -> bool:
        """Run to the end or to the kill; say whether it was killed."""
        environ = {**self._environ, VARIABLE: kill_at}
        return run_and_kill(environ, job, scored.sandbox.url, scored.counter_id, detail)


class TestM21KilledUpload:
    """I6, I18: accepted by Metrika once, wherever the process died."""

    @pytest.mark.parametrize("point", UPLOAD_FAILPOINTS)
    def test_should_leave_one_upload_when_killed_and_run_again(
        self, scored: ScoredDay, process: ProcessRunner, point: str
    ) -> None:
        killed = process.run("upload", scored, scored.day.isoformat(), kill_at=point)
        report = scored.upload()
        uploads = len(scored.sandbox.uploads(scored.counter_id))
        assert (killed, uploads, scored.accepted(), report.sent + report.already_sent) == (
            True,
            1,
            scored.expected(),
            5,
        )

    @pytest.mark.parametrize("point", ["upload.prepared", "upload.marked", "upload.posted"])
    def test_should_send_nobody_twice_when_scores_change_after_the_kill(
        self, scored: ScoredDay, process: ProcessRunner, point: str
    ) -> None:
        process.run("upload", scored, scored.day.isoformat(), kill_at=point)
        scored.score(scored.known_visits(8)[1:])
        report = scored.upload()
        accepted = scored.accepted()
        assert (len(accepted), set(scored.expected()) <= set(accepted), report.held) == (len(set(accepted)), True, 0)

    def test_should_leave_one_upload_each_when_killed_between_halves(
        self, scored: ScoredDay, process: ProcessRunner
    ) -> None:
        scored.sandbox.fail_next("/upload", status=400, error_type="invalid_uploading", method="POST")
        killed = process.run("upload", scored, scored.day.isoformat(), kill_at="upload.halved")
        scored.upload()
        assert (killed, scored.accepted()) == (True, scored.expected())


class TestM22KilledTracking:
    @pytest.mark.parametrize("point", TRACK_FAILPOINTS)
    def test_should_reach_the_end_when_killed_while_looking(
        self, scored: ScoredDay, process: ProcessRunner, point: str
    ) -> None:
        scored.upload()
        killed = process.run("track", scored, kill_at=point)
        assert (killed, follow(scored).processed) == (True, 1)

    @pytest.mark.parametrize("point", [*LINKAGE_FAILPOINTS, "upload.marked", "upload.posted"])
    def test_should_repeat_once_when_killed_while_repeating(
        self, scored: ScoredDay, process: ProcessRunner, point: str
    ) -> None:
        scored.sandbox.set_faults(replace(scored.sandbox.faults, linkage_failure_count=1))
        scored.upload()
        follow(scored)
        killed = process.run("linkage", scored, kill_at=point)
        for _ in range(2):
            retry_linkage(
                scored.state, scored.api, counter_ids=[scored.counter_id], settings=scored.settings, run_id="again",
                now=utc_now() + dt.timedelta(hours=25), settle_seconds=SETTLE_SECONDS,
            )  # fmt: skip
        assert (killed, scored.accepted()) == (True, sorted(scored.expected() * 2))


class TestKilledSingle:
    @pytest.mark.parametrize("point", [*SINGLE_FAILPOINTS, "upload.marked", "upload.posted", "upload.recorded"])
    def test_should_send_it_once_when_killed_and_asked_again(
        self, scored: ScoredDay, process: ProcessRunner, point: str
    ) -> None:
        given = {
            "target": "4plus",
            "date_time": f"{scored.day} 12:00:00",
            "identifiers": {"client_id": "123"},
            "price": "10.50",
            "currency": "RUB",
        }
        killed = process.run("single", scored, json.dumps(given), kill_at=point)
        single = read_single(scored.counter_id, zone_of(ZONE), **given)
        outcome = prepare_single(scored.state, single, run_id="again")
        send_prepared(
            scored.state, scored.api, upload_id=outcome.upload_id, settings=ConversionSettings(), run_id="again",
            settle_seconds=SETTLE_SECONDS,
        )  # fmt: skip
        assert (killed, len(scored.accepted())) == (True, 1)
