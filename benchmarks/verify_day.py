"""Verifying a day against scoring it: the same rows, models and machine.

A day of visits with hits, scored by two models and uploaded to the local Metrika, is verified whole: raw rows,
features, decisions, list, ledger, files. Interleaved with scoring, best of the rounds.
``python benchmarks/verify_day.py``
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import in_fresh_process, peak_rss_mb, report
from benchmarks.score_visits import FEATURES, open_stores

COUNTER, DAY = 101, dt.date(2026, 11, 10)
DAY_START = 1_794_258_000  # midnight of that day in Moscow
ROUNDS = 3
MEAN_HITS = 5

VISITS = """
INSERT INTO visits (counter_id, date, visit_id, client_id, started_at, watch_ids, duration_seconds, page_views,
    is_bounce, device_category)
SELECT %(counter)s, %(day)s, 1000000000000000000 + number, 1500000000000000 + cityHash64(number) %% 9000000000000000,
    toDateTime(%(start)s + number %% 80000, 'UTC'),
    arrayMap(i -> 9300000000000000000 + number * 16 + i, range(1 + cityHash64(number, 1) %% 9)),
    cityHash64(number, 2) %% 600, 1 + cityHash64(number, 3) %% 9, cityHash64(number, 4) %% 5 = 0,
    toString(1 + cityHash64(number, 5) %% 3)
FROM numbers(%(visits)s)"""
HITS = """
INSERT INTO hits (counter_id, date, watch_id, visit_id, client_id, hit_at)
SELECT counter_id, date, arrayJoin(watch_ids) AS watch, visit_id, client_id,
    started_at + cityHash64(watch) %% 600
FROM visits"""


def fill(visits: int, models_dir: Path) -> None:
    """Store a loaded day with its manifest, and a fitted model per device."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    from include.metrika.fields.resolving import resolve_fields
    from include.metrika.loading.tables import quarantine_table, source_table
    from include.registry.promotions import COMMAND, promote
    from include.registry.versions import register
    from include.state.counters import Counter, write_counter
    from include.visits.tables import TABLES
    from include.warehouse.schema import ensure_tables

    warehouse, state = open_stores()
    raw = [
        table
        for name in ("visits", "hits")
        for table in (source_table(name, resolve_fields(name)), quarantine_table(name))
    ]
    ensure_tables(warehouse, [*raw, *TABLES])
    values = {"counter": COUNTER, "day": DAY, "start": DAY_START, "visits": visits}
    warehouse.execute(VISITS, values)
    warehouse.execute(HITS, values)
    with state.begin() as connection:
        write_counter(connection, Counter(COUNTER, "shop", "Europe/Moscow"))
    seal_raw()
    random = np.random.default_rng(1)
    for name, threshold in (("level4_desktop", 0.9), ("level4_mobile", 0.9)):
        rows = pd.DataFrame(random.random((20_000, len(FEATURES))) * 100, columns=list(FEATURES))
        truth = rows["slots"] + rows["duration"] + random.normal(size=20_000) * 40 > 110
        fitted = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.08, random_state=0).fit(rows, truth)
        made = register(state, models_dir, name=name, artefact=fitted, threshold=threshold, features=FEATURES)
        promote(state, name, made.version, cause=COMMAND)


def seal_raw() -> float:
    """Write the manifest of the raw rows; gives the seconds that the digests of parts took."""
    from include.days import utc_now
    from include.metrika.loading.tables import KEY_COLUMN
    from include.state.manifest import StageRecord, write_stage
    from include.warehouse.day_swap import day_digest
    from include.warehouse.narrowing import narrow_days

    warehouse, state = open_stores()
    seconds = 0.0
    for name, key in KEY_COLUMN.items():
        digest = day_digest(warehouse, name, COUNTER, DAY)
        started = time.perf_counter()
        parts = narrow_days(warehouse, name, COUNTER, key)[DAY].as_dict()
        seconds += time.perf_counter() - started
        counts = {"stored": int(digest.partition("-")[0]), "quarantined": 0}
        record = StageRecord(COUNTER, DAY, name, digest, "", "benchmark", 0.0, utc_now(), counts)
        with state.begin() as connection:
            write_stage(connection, record, narrowing=parts)
    return seconds


def upload(folder: Path) -> None:
    """Send the day to the local Metrika."""
    from include.conversions.upload_day import upload_day
    from include.metrika.client.conversions_api import ConversionsApi
    from include.metrika.client.quota import StateQuotaGate
    from include.metrika.client.session import MetrikaSession
    from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
    from include.metrika_sandbox.serving.server import run_sandbox
    from include.secret import Secret
    from include.settings import ConversionSettings, MetrikaSettings

    warehouse, state = open_stores()
    with run_sandbox(SandboxConfig(visits_per_day=10)) as sandbox:
        settings = MetrikaSettings(token=Secret(DEMO_TOKEN), api_url=sandbox.url)
        gate = StateQuotaGate.for_settings(state, settings)
        upload_day(
            warehouse,
            state,
            ConversionsApi(MetrikaSession(settings, gate)),
            counter_id=COUNTER,
            day=DAY,
            settings=ConversionSettings(),
            run_id="benchmark",
            include_old=True,
        )
        gate.close()


def run_score(folder: Path) -> None:
    """Score the day anew."""
    from include.visits.scoring.score_day import score_day

    warehouse, state = open_stores()
    with state.begin() as connection:  # else it would find the day scored
        connection.exec_driver_sql("UPDATE day_stages SET input_digest = '' WHERE stage = 'scores'")
    before, started = peak_rss_mb(), time.perf_counter()
    done = score_day(
        warehouse,
        state,
        counter_id=COUNTER,
        day=DAY,
        exports_dir=folder / "exports",
        models_dir=folder / "models",
        run_id="benchmark",
    )
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "level4": done.level4, "growth_mb": peak_rss_mb() - before}))


def run_verify(folder: Path) -> None:
    """Verify it."""
    from include.provenance.verify_day import verify_day

    warehouse, state = open_stores()
    marks: dict[str, float] = {}
    before, started = peak_rss_mb(), time.perf_counter()
    verdict = verify_day(
        warehouse,
        state,
        counter_id=COUNTER,
        day=DAY,
        exports_dir=folder / "exports",
        models_dir=folder / "models",
        progress=lambda message, done, total: marks.setdefault(message, time.perf_counter() - started),
    )
    seconds, growth_mb = time.perf_counter() - started, peak_rss_mb() - before
    print(
        json.dumps(
            {
                "seconds": seconds,
                "holds": verdict.holds,
                "growth_mb": growth_mb,
                "narrowing": seal_raw(),
                "marks": {message: round(at, 2) for message, at in marks.items()},
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--run", choices=["score", "verify"])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        {"score": run_score, "verify": run_verify}[arguments.run](arguments.folder)
        return
    from include.services.stack import running_engines

    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            os.environ.update(endpoints.environment())
            compare(arguments.visits, Path(folder))


def compare(visits: int, folder: Path) -> None:
    """Fill once, score and verify in turn."""
    fill(visits, folder / "models")
    rounds: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        score = in_fresh_process(__file__, "--run", "score", "--folder", str(folder))
        if number == 0:
            upload(folder)
        verify = in_fresh_process(__file__, "--run", "verify", "--folder", str(folder))
        if not verify["holds"]:
            raise SystemExit("the day does not hold")
        rounds.append({"score": score, "verify": verify})
    verify = min((one["verify"] for one in rounds), key=lambda result: result["seconds"])
    report(
        "verify_day_against_scoring_it",
        verify["seconds"],
        min(one["score"]["seconds"] for one in rounds),
        unit="s",
        rows=visits,
        libraries=("chdb-core", "pandas", "scikit-learn"),
        level4=rounds[0]["score"]["level4"],
        growth_mb=round(max(one["verify"]["growth_mb"] for one in rounds)),
        digests_of_parts_seconds=round(verify["narrowing"], 3),
        steps=verify["marks"],
        seed=1,
    )


if __name__ == "__main__":
    main()
