"""Loading the visits log of one day, against a plain streamed pass-through and a csv.DictReader loader.

All three read the same prepared parts from the local Metrika, three at a time where they stream, and
write to a table of the same columns. The clock runs from the moment the log is prepared until the rows
can be read; giving the log back waits for Metrika's rate of requests and is left out. The pass-through
checks nothing; ours checks every row, size and key, swaps the day in and writes the digest.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from benchmarks.measuring import PROJECT, in_fresh_process, peak_rss_mb, report
from include.metrika.client.logs_api import LogPart, LogRequest, LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.fields.resolving import resolve_fields
from include.metrika.loading.day_staging import stage_range, staging_tables
from include.metrika.loading.load_job import LoadJob, open_load, order_log, plan_chunks, staged_request
from include.metrika.loading.part_loading import PARALLEL_PARTS, PartLoader
from include.metrika.loading.tables import quarantine_table, source_table
from include.metrika.requests.own_requests import OwnRequest, wait_processed
from include.metrika.requests.releasing import release
from include.progress import no_progress
from include.services.processes.ports import choose_port
from include.services.stack import running_engines
from include.services.stores import open_stores
from include.settings import Settings
from include.warehouse.day_swap import create_staging, swap_day
from include.warehouse.schema import drop_tables, ensure_tables

DAY = dt.date(2025, 11, 4)
COUNTER = 101
PLAIN = "visits_plain"
TOKEN = "sandbox-token"  # the public demo token of the local Metrika


def run_one(way: str) -> None:
    """Measure one way in this process."""
    settings = Settings.from_env()
    stores = open_stores(settings)
    gate = StateQuotaGate.for_settings(stores.state, settings.metrika)
    api = LogsApi(MetrikaSession(settings.metrika, gate))
    job = open_load(
        stores.warehouse, stores.state, api, settings.metrika, counter_id=COUNTER, run_id=f"bench{os.getpid()}"
    )
    table = source_table("visits", resolve_fields("visits"))
    ensure_tables(stores.warehouse, [table, quarantine_table("visits")])
    create_staging(stores.warehouse, table, PLAIN)
    own = wait_processed(
        api, stores.state, order_log(job, plan_chunks(job, "visits", (DAY,))[0][0]), settings.metrika, no_progress
    )
    before, started = peak_rss_mb(), time.perf_counter()
    {"job": load_checked, "bare": pass_through, "dict": load_dicts}[way](job, own)
    seconds = time.perf_counter() - started
    release(job.api, job.state, own)
    name = "visits" if way == "job" else PLAIN
    rows, ids = stores.warehouse.execute(f"SELECT count(), sum(visit_id) FROM {name}")[0]
    gate.close()
    print(json.dumps({"seconds": seconds, "growth_mb": peak_rss_mb() - before, "rows": rows, "ids": str(ids)}))


def load_checked(job: LoadJob, own: OwnRequest) -> None:
    """Load as the product does."""
    staged = staged_request(job, own)
    counts = PartLoader(job.warehouse, job.state, job.api, staged).load_all(no_progress)
    ready = stage_range(job.warehouse, [staged], [counts], COUNTER)
    swap_day(job.warehouse, ready.table, ready.stage, COUNTER, DAY)
    drop_tables(job.warehouse, staging_tables(staged))


def pass_through(job: LoadJob, own: OwnRequest) -> None:
    """Stream every part into the table as it comes."""
    columns = ", ".join(field.column for field in resolve_fields("visits"))
    sql = f"INSERT INTO {PLAIN} ({columns}) FORMAT TSV"

    def load(part: LogPart) -> None:
        job.warehouse.insert_stream(sql, _body(job, own.prepared, part))

    with ThreadPoolExecutor(PARALLEL_PARTS) as pool:
        list(pool.map(load, own.prepared.parts))


def load_dicts(job: LoadJob, own: OwnRequest) -> None:
    """Read every part with csv.DictReader and insert rows through the driver."""
    fields = resolve_fields("visits")
    names = [field.column for field in fields]
    for part in own.prepared.parts:
        text = io.StringIO(b"".join(_body(job, own.prepared, part)).decode())
        reader = csv.DictReader(text, names, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [[_typed(name, row[name]) for name in names] for row in reader]
        listed = ", ".join(names)
        job.warehouse.execute(f"INSERT INTO {PLAIN} ({listed}) VALUES", rows)


def _typed(name: str, text: str) -> Any:
    if name == "watch_ids":
        return [int(one) for one in text[1:-1].split(",")] if len(text) > 2 else []
    if name == "date":
        return dt.date.fromisoformat(text)
    if name == "started_at":
        return dt.datetime.fromisoformat(text)
    return text if name == "device_category" else int(text or 0)


def _body(job: LoadJob, request: LogRequest, part: LogPart) -> Iterator[bytes]:
    decoder, has_header = zlib.decompressobj(31), True
    with job.api.open_part(request, part.number) as stream:
        for chunk in stream.iter_raw():
            data = decoder.decompress(chunk) if stream.encoding == "gzip" else chunk
            if has_header and data:
                data, has_header = data.partition(b"\n")[2], False
            if data:
                yield data


def measure(visits: int, repeats: int, ways: tuple[str, ...]) -> None:
    """Run the ways in turn and report their ratios."""
    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder), {}) as endpoints:
            port = choose_port(18_085)
            options = ["--visits", str(visits), "--parts", "8", "--faults", "quota_off", "--queue-seconds", "0"]
            argv = [sys.executable, "-m", "include", "sandbox", "serve", "--port", str(port), *options]
            sandbox = subprocess.Popen(argv, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                _wait(f"http://127.0.0.1:{port}")
                environ = {
                    **endpoints.environment(),
                    "METRIKA_API_URL": f"http://127.0.0.1:{port}",
                    "METRIKA_TOKEN": TOKEN,
                    "METRIKA_POLL_SECONDS": "0.5",
                }
                runs = [
                    (way, in_fresh_process(__file__, "--way", way, environ=environ))
                    for _ in range(repeats)
                    for way in ways
                ]
            finally:
                sandbox.terminate()
                sandbox.wait(30)
    _report(visits, runs, ways)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(url, timeout=2)
            return
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _report(visits: int, runs: list[tuple[str, dict[str, Any]]], ways: tuple[str, ...]) -> None:
    answers = {(run["rows"], run["ids"]) for _, run in runs}
    if len(answers) != 1:
        raise SystemExit(f"The ways stored different rows: {answers}")
    best = {way: min((run for name, run in runs if name == way), key=lambda run: run["seconds"]) for way in ways}
    growth = max(run["growth_mb"] for way, run in runs if way == "job")
    for way in ways[1:]:
        report(
            f"load_visits_against_{way}",
            best["job"]["seconds"],
            best[way]["seconds"],
            unit="s",
            rows=visits,
            libraries=("clickhouse-driver", "requests"),
            growth_mb=round(growth, 1),
            reference_growth_mb=round(best[way]["growth_mb"], 1),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", choices=("job", "bare", "dict"))
    arguments = parser.parse_args()
    if arguments.way:
        run_one(arguments.way)
    else:
        ways = ("job", "bare", "dict") if arguments.visits <= 200_000 else ("job", "bare")
        measure(arguments.visits, arguments.repeats, ways)


if __name__ == "__main__":
    main()
