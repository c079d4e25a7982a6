"""Conversion jobs in a process of their own, to be killed there."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import signal
from collections.abc import Mapping

from include.conversions.linkage import retry_linkage
from include.conversions.resume import send_prepared
from include.conversions.single import prepare_single, read_single
from include.conversions.tracking import track
from include.conversions.upload_day import upload_day
from include.days import utc_now, zone_of
from include.settings import ConversionSettings, Settings
from include.state.engine import connect_state
from include.warehouse.client import Warehouse
from tests.conversion_days import SETTLE_SECONDS, ZONE, open_api

PROCESS_SECONDS = 60
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])  # the imports of a job take longer than the job


def run_and_kill(environ: Mapping[str, str], job: str, url: str, counter_id: int, detail: str) -> bool:
    """Run a job with this environment; say whether it was killed by SIGKILL, and fail on any other trouble."""
    process = PROCESSES.Process(target=_run, args=(dict(environ), job, url, counter_id, detail))
    process.start()
    process.join(PROCESS_SECONDS)
    if process.exitcode not in (0, -signal.SIGKILL):
        process.kill()
        raise AssertionError(f"{job} ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _run(environ: dict[str, str], job: str, url: str, counter_id: int, detail: str) -> None:
    os.environ.update(environ)
    settings, rules = Settings.from_env(), ConversionSettings()
    assert settings.database_url is not None
    assert settings.clickhouse is not None
    state = connect_state(settings.database_url)
    with open_api(state, url) as api:
        if job == "upload":
            upload_day(
                Warehouse(settings.clickhouse), state, api, counter_id=counter_id, day=dt.date.fromisoformat(detail),
                settings=rules, run_id="killed", settle_seconds=SETTLE_SECONDS,
            )  # fmt: skip
        elif job == "track":
            track(state, api, counter_ids=[counter_id], settings=rules)
        elif job == "linkage":
            later = utc_now() + dt.timedelta(hours=25)
            retry_linkage(
                state, api, counter_ids=[counter_id], settings=rules, run_id="killed", now=later,
                settle_seconds=SETTLE_SECONDS,
            )  # fmt: skip
        else:
            given = json.loads(detail)
            single = read_single(counter_id, zone_of(ZONE), **given)
            outcome = prepare_single(state, single, run_id="killed")
            send_prepared(
                state, api, upload_id=outcome.upload_id, settings=rules, run_id="killed",
                settle_seconds=SETTLE_SECONDS,
            )  # fmt: skip
