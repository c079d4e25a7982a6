"""Slot features of loaded days: our SQL against DuckDB, polars and pandas, results compared first.

The clock runs from tables (frames) that are already loaded to a stored result table (frame). Each way
runs in a process of its own, the ways in turn, best of the rounds. ``python benchmarks/slot_features.py``
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import in_fresh_process, peak_rss_mb, report

MEAN_HITS = 5
GAP_MU, GAP_SIGMA, GAP_MAX_SECONDS = 2.8, 1.2, 1_700
COUNTER, DAY = 101, dt.date(2025, 7, 1)
DAY_START = 1_751_328_000
ROUNDS = 3
REPEATS = 2  # per process: the first warms caches up, for every way alike
Measure = Callable[[], tuple[float, ...]]
Run = tuple[Callable[[], Any], Measure]


def draw(hits: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Visits with geometric hit counts and log-normal gaps; hits in random order."""
    random = np.random.default_rng(seed)
    counts = random.geometric(1 / MEAN_HITS, size=hits // MEAN_HITS + 10_000)
    visits = int(np.searchsorted(np.cumsum(counts), hits)) + 1
    counts = counts[:visits]
    counts[-1] -= counts.sum() - hits
    gaps = np.minimum(random.lognormal(GAP_MU, GAP_SIGMA, hits), GAP_MAX_SECONDS).astype(np.int64)
    first = np.cumsum(counts) - counts
    gaps[first] = 0
    offsets = np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[first], counts)
    seconds = DAY_START + np.repeat(random.integers(0, 80_000, visits), counts) + offsets
    visit_ids = random.permutation(visits).astype(np.uint64) + np.uint64(10**18)
    watch_ids = random.permutation(hits).astype(np.uint64) * np.uint64(7_919) + np.uint64(2**63)
    return {
        "visit_id": visit_ids,
        "client_id": random.integers(10**15, 2**60, visits).astype(np.uint64),
        "first": first,
        "count": counts,
        "duration": seconds[first + counts - 1] - seconds[first],
        "started": seconds[first],
        "watch_id": watch_ids,
        "seconds": seconds,
        "order": random.permutation(hits),
    }


def load_counterflow(drawn: dict[str, np.ndarray]) -> None:
    """Fill visits and hits as loading would."""
    from include.metrika.fields.resolving import resolve_fields
    from include.metrika.loading.tables import source_table
    from include.visits.tables import TABLES
    from include.warehouse.schema import ensure_tables

    warehouse = _warehouse()
    ensure_tables(warehouse, [*(source_table(name, resolve_fields(name)) for name in ("visits", "hits")), *TABLES])
    order, counts = drawn["order"], drawn["count"]
    n, visits = len(order), len(counts)
    hits = {
        "counter_id": np.full(n, COUNTER, np.uint32),
        "date": np.full(n, np.datetime64(DAY)),
        "watch_id": drawn["watch_id"][order],
        "visit_id": np.repeat(drawn["visit_id"], counts)[order],
        "client_id": np.repeat(drawn["client_id"], counts)[order],
        "hit_at": drawn["seconds"][order].astype("datetime64[s]"),
    }
    hits["date"][hits["hit_at"] >= np.datetime64(DAY) + 1] += 1
    warehouse.insert_columns("hits", list(hits), list(hits.values()))
    block = 50_000  # arrays travel as Python lists, a few at a time
    for start in range(0, visits, block):
        part = slice(start, min(start + block, visits))
        lists = [drawn["watch_id"][a : a + c].tolist() for a, c in zip(drawn["first"][part], counts[part], strict=True)]
        rows = len(lists)
        columns = {
            "counter_id": [COUNTER] * rows,
            "date": [DAY] * rows,
            "visit_id": drawn["visit_id"][part].tolist(),
            "client_id": drawn["client_id"][part].tolist(),
            "started_at": [dt.datetime.fromtimestamp(s, dt.UTC) for s in drawn["started"][part].tolist()],
            "duration_seconds": drawn["duration"][part].tolist(),
            "watch_ids": lists,
        }
        warehouse.insert_columns("visits", list(columns), list(columns.values()))


def _warehouse() -> Any:
    from include.settings import Settings
    from include.warehouse.client import Warehouse

    settings = Settings.from_env().clickhouse
    assert settings is not None
    return Warehouse(settings)


def prepare_counterflow(drawn: dict[str, np.ndarray]) -> Run:
    """Our SQL, from stored tables into a staging table."""
    from include.visits.measuring.features import stage_features
    from include.visits.tables import VISIT_FEATURES
    from include.warehouse.day_swap import create_staging, staging_name

    warehouse = _warehouse()
    stage = staging_name(VISIT_FEATURES, "benchmark")

    def run() -> None:
        create_staging(warehouse, VISIT_FEATURES, stage)
        stage_features(warehouse, stage, COUNTER, DAY)

    sums = (
        "count(), sum(slots), sum(slot_range), sum(slot_density), sum(median_pause_seconds), "
        "sum(mean_pause_seconds), sum(std_pause_seconds)"
    )
    return run, lambda: tuple(map(float, warehouse.execute(f"SELECT {sums} FROM {stage}")[0]))


def _flat(drawn: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, Any]]:
    order = drawn["order"]
    hits = {"watch_id": drawn["watch_id"][order], "t": drawn["seconds"][order]}
    ends = (drawn["first"] + drawn["count"]).tolist()
    lists = [drawn["watch_id"][a:b] for a, b in zip(drawn["first"].tolist(), ends, strict=True)]
    return hits, {"visit_id": drawn["visit_id"], "duration": drawn["duration"], "watch_ids": lists}


def prepare_duckdb(drawn: dict[str, np.ndarray]) -> Run:
    """DuckDB, from its own tables into a table; 2 threads."""
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    for name, columns in zip(("hits", "visits"), _flat(drawn), strict=True):
        connection.register("drawn", pa.table(columns))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM drawn")
    query = """
        CREATE OR REPLACE TABLE features AS
        WITH matched AS (
            SELECT visit_id, t, min(t) OVER (PARTITION BY visit_id) AS t1,
                t - lag(t) OVER (PARTITION BY visit_id ORDER BY t) AS gap
            FROM (SELECT visit_id, unnest(watch_ids) AS watch_id FROM visits) JOIN hits USING (watch_id)
        ), measured AS (
            SELECT visit_id, count(DISTINCT (t - t1) // 15) AS slots, max((t - t1) // 15) AS slot_range,
                coalesce(median(gap), 0) AS median_pause, coalesce(avg(gap), 0) AS mean_pause,
                coalesce(stddev_pop(gap), 0) AS std_pause
            FROM matched GROUP BY visit_id
        )
        SELECT visit_id, coalesce(slots, 0) AS slots, coalesce(slot_range, 0) AS slot_range,
            coalesce(slots, 0) / (duration / 60 + 1) AS density, coalesce(median_pause, 0) AS median_pause,
            coalesce(mean_pause, 0) AS mean_pause, coalesce(std_pause, 0) AS std_pause
        FROM visits LEFT JOIN measured USING (visit_id)"""
    sums = (
        "SELECT count(*), sum(slots), sum(slot_range), sum(density), sum(median_pause), sum(mean_pause), "
        "sum(std_pause) FROM features"
    )
    return lambda: connection.execute(query), lambda: tuple(map(float, connection.execute(sums).fetchall()[0]))


def prepare_polars(drawn: dict[str, np.ndarray]) -> Run:
    """polars, from frames to a frame."""
    import polars as pl

    hits, visits = (pl.DataFrame(columns) for columns in _flat(drawn))
    found: dict[str, pl.DataFrame] = {}

    def run() -> None:
        gap, slot = pl.col("t").diff(), (pl.col("t") - pl.col("t").min()) // 15
        measured = (
            visits.lazy()
            .select("visit_id", pl.col("watch_ids").alias("watch_id"))
            .explode("watch_id")
            .join(hits.lazy(), on="watch_id")
            .sort("visit_id", "t")
            .group_by("visit_id")
            .agg(
                slots=slot.n_unique(),
                slot_range=slot.max(),
                median_pause=gap.median(),
                mean_pause=gap.mean(),
                std_pause=gap.std(ddof=0),
            )
        )
        joined = visits.lazy().select("visit_id", "duration").join(measured, on="visit_id", how="left")
        density = (pl.col("slots") / (pl.col("duration") / 60 + 1)).alias("slot_density")
        found["features"] = joined.fill_null(0).with_columns(density).collect()

    names = ("slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause")
    return run, lambda: (
        float(found["features"].height),
        *(float(found["features"][name].sum()) for name in names),
    )


def prepare_pandas(drawn: dict[str, np.ndarray]) -> Run:
    """pandas, from frames to a frame, groupby aggregations only."""
    import pandas as pd

    hits, visits = (pd.DataFrame(columns) for columns in _flat(drawn))
    found: dict[str, pd.DataFrame] = {}

    def run() -> None:
        listed = visits[["visit_id", "watch_ids"]].explode("watch_ids").rename(columns={"watch_ids": "watch_id"})
        listed["watch_id"] = listed["watch_id"].astype("uint64")
        matched = listed.merge(hits, on="watch_id").sort_values(["visit_id", "t"])
        matched["slot"] = (matched["t"] - matched.groupby("visit_id")["t"].transform("min")) // 15
        matched["gap"] = matched.groupby("visit_id")["t"].diff()
        groups = matched.groupby("visit_id")
        measured = pd.DataFrame(
            {
                "slots": groups["slot"].nunique(),
                "slot_range": groups["slot"].max(),
                "median_pause": groups["gap"].median(),
                "mean_pause": groups["gap"].mean(),
                "std_pause": groups["gap"].std(ddof=0),
            }
        )
        joined = visits[["visit_id", "duration"]].merge(measured, left_on="visit_id", right_index=True, how="left")
        joined = joined.fillna(0)
        joined["slot_density"] = joined["slots"] / (joined["duration"] / 60 + 1)
        found["features"] = joined

    names = ("slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause")
    return run, lambda: (float(len(found["features"])), *(float(found["features"][name].sum()) for name in names))


WAYS = {
    "counterflow": prepare_counterflow,
    "duckdb": prepare_duckdb,
    "polars": prepare_polars,
    "pandas": prepare_pandas,
}


def measure_one(way: str, data: Path) -> None:
    """One way in this process: seconds, memory above the loaded data, checksums."""
    drawn = dict(np.load(data))
    run, sums = WAYS[way](drawn)
    before, seconds = peak_rss_mb(), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    growth = _server_memory_mb() if way == "counterflow" else peak_rss_mb() - before
    print(json.dumps({"seconds": min(seconds), "growth_mb": growth, "sums": sums()}))


def _server_memory_mb() -> float:
    """Memory our query takes in the server, by its own account."""
    import requests

    from include.settings import Settings
    from include.visits.measuring.features import features_parameters, features_sql

    settings = Settings.from_env().clickhouse
    assert settings is not None
    values = {name: f"'{v}'" if isinstance(v, dt.date) else v for name, v in features_parameters(COUNTER, DAY).items()}
    answer = requests.post(
        f"http://{settings.host}:{settings.http_port}/?database={settings.database}&wait_end_of_query=1",
        data=f"SELECT count(), sum(slots), sum(std_pause_seconds) FROM ({features_sql() % values})",
        headers={"X-ClickHouse-User": settings.user, "X-ClickHouse-Key": settings.password.value},
        timeout=600,
    )
    answer.raise_for_status()
    return int(json.loads(answer.headers["X-ClickHouse-Summary"])["memory_usage"]) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hits", type=int, default=1_000_000)
    parser.add_argument("--way", choices=sorted(WAYS))
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.way:
        measure_one(arguments.way, arguments.data)
        return
    from include.services.stack import running_engines

    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            os.environ.update(endpoints.environment())
            compare(arguments.hits, Path(folder) / "drawn.npz")


def compare(hits: int, data: Path) -> None:
    """Load once, run all ways in turn, compare results, then times."""
    drawn = draw(hits)
    np.savez(data, **drawn)
    load_counterflow(drawn)
    rounds = [
        {way: in_fresh_process(__file__, "--way", way, "--data", str(data)) for way in WAYS} for _ in range(ROUNDS)
    ]
    expected = rounds[0]["counterflow"]["sums"]
    for results in rounds:
        for way, result in results.items():
            if not np.allclose(result["sums"], expected, rtol=1e-9):
                raise SystemExit(f"{way} gives {result['sums']}, counterflow {expected}")
    best = {way: min(results[way]["seconds"] for results in rounds) for way in WAYS}
    growth = {way: max(results[way]["growth_mb"] for results in rounds) for way in WAYS}
    print(f"equal results: {len(drawn['count'])} visits, {hits} hits, slot total {expected[1]:.0f}")
    for way in WAYS:
        print(
            f"  {way:12} {best[way]:6.3f} s  {hits / best[way] / 1e6:5.2f} M hits/s  "
            f"{best[way] / best['duckdb']:5.2f} x DuckDB  {growth[way]:5.0f} MB"
        )
    report(
        "slot_features_against_duckdb",
        best["counterflow"],
        best["duckdb"],
        unit="s",
        rows=hits,
        libraries=("duckdb", "polars", "pandas", "chdb-core"),
        hits_per_second=round(hits / best["counterflow"]),
        seconds={way: round(value, 4) for way, value in best.items()},
        growth_mb={way: round(value) for way, value in growth.items()},
        slot_total=int(expected[1]),
        seed=1,
    )


if __name__ == "__main__":
    main()
