"""``run``, ``up`` and ``down``: the whole stack of one machine, and one day through a real scheduler."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine, func, select

from include.commands.local_sandbox import running_sandbox, sandbox_environ, start_sandbox, stop_sandbox
from include.commands.terminal import JsonOption, environ, guarded, settings_here, show, shown_progress
from include.days import parse_day, utc_now
from include.errors import ServiceError
from include.progress import Progress
from include.secret import Secret
from include.services import stack
from include.services.airflow.client import AirflowClient
from include.services.airflow.running import running_airflow, start_airflow, stop_airflow
from include.settings import Settings
from include.state.engine import connect_state, migrate
from include.state.manifest import StageRecord, read_stages
from include.state.tables import conversion_uploads, conversions
from include.visits.scoring.export import export_path

DAG_CHAIN = ("metrika_logs", "visit_scoring", "conversion_upload")
ALL_DAGS = (*DAG_CHAIN, "visit_what_if", "visit_model_training", "housekeeping")
RUN_SECONDS = 600.0
ASSET_SECONDS = 120.0  # an asset wakes its consumer within seconds; loaded machines take longer
STAGES = {"visits": "visits loaded", "hits": "hits loaded", "scores": "visits scored", "upload": "conversions"}

RunDate = Annotated[
    str | None, typer.Option("--date", help="Day to run, YYYY-MM-DD; the day before yesterday when absent.")
]


@dataclass(frozen=True)
class StageRow:
    """One line of the table ``run`` prints.

    Attributes:
        counter_id: the counter.
        stage: what was done.
        rows_in: rows the stage read.
        rows_out: rows it wrote.
        note: counts worth seeing.
    """

    counter_id: int
    stage: str
    rows_in: int
    rows_out: int
    note: str


@guarded
def run(date: RunDate = None, as_json: JsonOption = False) -> None:
    """Run one day from raw logs to processed conversions on a local Metrika, then stop everything.

    Args:
        date: the day.
        as_json: print one line of JSON.
    """
    started = time.monotonic()
    settings = settings_here()
    day = (utc_now() - dt.timedelta(days=2)).date() if date is None else parse_day(date)
    with shown_progress() as progress, ExitStack() as services:
        progress("starting ClickHouse and PostgreSQL", 0, 0)
        endpoints = services.enter_context(stack.running_engines(settings.local_dir))
        state = _state(endpoints.database_url)
        services.callback(state.dispose)
        progress("starting the local Metrika", 0, 0)
        given = {**environ(), **sandbox_environ(services.enter_context(running_sandbox(settings.local_dir)))}
        counter_ids = Settings.from_env(given).metrika.counter_ids
        before = _sent_count(state, counter_ids, day)
        progress("starting Airflow", 0, 0)
        airflow = services.enter_context(running_airflow(settings.local_dir, endpoints, given, wanted_dags=ALL_DAGS))
        ready = time.monotonic()
        _run_chain(airflow.client(), day, progress)
        rows = _stage_rows(state, counter_ids, day)
        uploads = _upload_rows(state, counter_ids, day)
        new = _sent_count(state, counter_ids, day) - before
    summary = {
        "day": day.isoformat(),
        "stages": [vars(row) for row in rows],
        "uploads": uploads,
        "new_conversions": new,
        "exports": [str(export_path(settings.exports_dir, counter_id, day)) for counter_id in counter_ids],
        "start_seconds": round(ready - started, 1),
        "total_seconds": round(time.monotonic() - started, 1),
    }
    _check(rows, uploads, counter_ids)
    _print(summary, rows, uploads, settings.local_dir, as_json=as_json)


@guarded
def up(as_json: JsonOption = False) -> None:
    """Start the engines and Airflow, with the local Metrika unless METRIKA_TOKEN is set, and leave them running.

    Args:
        as_json: print one line of JSON.
    """
    settings, given = settings_here(), environ()
    with shown_progress() as progress:
        progress("starting ClickHouse and PostgreSQL", 0, 0)
        endpoints = stack.up(settings.local_dir)
        _state(endpoints.database_url).dispose()
        if settings.metrika.token is None:
            progress("starting the local Metrika", 0, 0)
            given |= sandbox_environ(start_sandbox(settings.local_dir, kept=True))
        progress("starting Airflow", 0, 0)
        access = start_airflow(settings.local_dir, endpoints, given, wanted_dags=ALL_DAGS)
    result = {**access.to_record(), "metrika_url": Settings.from_env(given).metrika.api_url, "stop": "make down"}
    show(result, as_json=as_json, title="Running")


@guarded
def down(as_json: JsonOption = False) -> None:
    """Stop everything that "up" left running.

    Args:
        as_json: print one line of JSON.
    """
    local_dir = settings_here().local_dir
    stopped = {
        "airflow": stop_airflow(local_dir),
        "sandbox": stop_sandbox(local_dir),
        "engines": stack.down(local_dir),
    }
    show(stopped, as_json=as_json, title="Stopped")


def _state(url: str) -> Engine:
    state = connect_state(Secret(url))
    migrate(state)
    return state


def _run_chain(client: AirflowClient, day: dt.date, progress: Progress) -> None:
    """Trigger the first DAG by partition and wait until the last one has ended."""
    known = {dag_id: {run["dag_run_id"] for run in client.runs(dag_id)} for dag_id in DAG_CHAIN[1:]}
    run_id = client.trigger(DAG_CHAIN[0], partition_key=day.isoformat())
    for number, dag_id in enumerate(DAG_CHAIN):
        progress(f"running {dag_id}", number, len(DAG_CHAIN))
        if number:
            run_id = _wait_for_partition(client, dag_id, day, known[dag_id])
        outcome = client.wait_for_run(dag_id, run_id, seconds=RUN_SECONDS)
        if outcome != "success":
            failed = [task.task_id for task in client.task_instances(dag_id, run_id) if task.state == "failed"]
            raise ServiceError(
                f"Run {run_id} of {dag_id} ended as {outcome}; failed tasks: {', '.join(failed) or 'none'}. "
                "Start the stack with 'make up' and look at the task's log in the Airflow page."
            )
    progress("done", len(DAG_CHAIN), len(DAG_CHAIN))


def _wait_for_partition(client: AirflowClient, dag_id: str, day: dt.date, known: set[str]) -> str:
    deadline = time.monotonic() + ASSET_SECONDS
    while time.monotonic() < deadline:
        for found in client.runs(dag_id):
            if found["dag_run_id"] not in known and found.get("partition_key") == day.isoformat():
                return str(found["dag_run_id"])
        time.sleep(0.5)
    raise ServiceError(f"{dag_id} was not started for {day} within {ASSET_SECONDS:.0f} seconds.")


def _sent_count(state: Engine, counter_ids: Sequence[int], day: dt.date) -> int:
    c = conversions.c
    query = select(func.count()).where(c.counter_id.in_(counter_ids), c.day == day, c.upload_id.is_not(None))
    with state.connect() as connection:
        return int(connection.execute(query).scalar_one())


def _stage_rows(state: Engine, counter_ids: Sequence[int], day: dt.date) -> list[StageRow]:
    rows = []
    for counter_id in counter_ids:
        with state.connect() as connection:
            found = {record.stage: record for record in read_stages(connection, counter_id, [day])}
        rows += [_stage_row(found[stage], title) for stage, title in STAGES.items() if stage in found]
    return rows


def _stage_row(record: StageRecord, title: str) -> StageRow:
    counts = record.counts
    if record.stage in ("visits", "hits"):
        out, bad = int(counts["stored"]), int(counts["quarantined"])
        return StageRow(record.counter_id, title, out + bad, out, f"quarantined {bad}")
    if record.stage == "scores":
        return StageRow(record.counter_id, title, int(counts["scored"]), int(counts["level4"]), "level 4+")
    sent, held, before = (int(counts.get(name, 0)) for name in ("sent", "held", "already_sent"))
    withdrawn = int(counts.get("withdrawn_sent", 0))
    note = f"sent {sent + before}, held {held}" + (f", withdrawn after sending {withdrawn}" if withdrawn else "")
    return StageRow(record.counter_id, title, sent + held + before, sent + before, note)


def _upload_rows(state: Engine, counter_ids: Sequence[int], day: dt.date) -> list[dict[str, Any]]:
    u, c = conversion_uploads.c, conversions.c
    of_day = select(c.upload_id).where(c.day == day, c.upload_id.is_not(None))
    columns = (u.counter_id, u.metrika_upload_id, u.metrika_status, u.row_count, u.linked_quantity)
    query = select(*columns).where(u.counter_id.in_(counter_ids), u.upload_id.in_(of_day)).order_by(u.prepared_at)
    with state.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _check(rows: Sequence[StageRow], uploads: Sequence[dict[str, Any]], counter_ids: Sequence[int]) -> None:
    missing = len(counter_ids) * len(STAGES) - len(rows)
    if missing:
        raise ServiceError(f"{missing} stages of the day are missing; look at the task logs after 'make up'.")
    open_uploads = [row for row in uploads if row["metrika_status"] != "PROCESSED"]
    if open_uploads:
        first = open_uploads[0]
        raise ServiceError(f"Upload {first['metrika_upload_id']} ended as {first['metrika_status']}, not PROCESSED.")


def _print(
    summary: dict[str, Any],
    rows: Sequence[StageRow],
    uploads: Sequence[dict[str, Any]],
    local_dir: Path,
    *,
    as_json: bool,
) -> None:
    if as_json:
        show(summary, as_json=True, title="")
        return
    show({}, as_json=False, title=f"Day {summary['day']}", rows=[vars(row) for row in rows])
    if uploads:
        show({}, as_json=False, title="Uploads at Metrika", rows=uploads)
    notes = {
        "new conversions": summary["new_conversions"],
        "lists of level 4+ visits": ", ".join(summary["exports"]),
        "logs": str(local_dir / "logs"),
        "seconds": f"{summary['total_seconds']} in all, {summary['start_seconds']} of them until Airflow was ready",
        "look around": "make up starts the same with the Airflow page left open",
    }
    show(notes, as_json=False, title="Where to look")
