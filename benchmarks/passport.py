"""The passport of one row on a day of a million visits, against a bare SELECT of the same rows.

Visits are asked about by id, in random order. The reference reads the stored rows of the same visit - visit,
features, score, hits, ledger, upload - with nothing but the drivers. Then a thousand random rows are derived
again in one go. ``python benchmarks/passport.py``
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

COUNTER, DAY = 101, dt.date(2025, 7, 1)
GOAL_MS = 200.0
ASKED = 100
DERIVED = 30
SAMPLE = 1_000
HITS_PER_VISIT = 5
LEVEL4_EVERY = 10  # of so many visits one is sent
FEATURES = ("slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause", "duration", "pageViews")

FILL_VISITS = """
INSERT INTO visits (counter_id, date, visit_id, client_id, started_at, duration_seconds, page_views, is_bounce,
    device_category, watch_ids)
SELECT %(counter)s, %(day)s, 9223372036854775807 + number * 7, 1 + cityHash64(number),
    toDateTime(1751317200 + number %% 80000, 'UTC'), cityHash64(number, 1) %% 1800, 1 + cityHash64(number, 2) %% 4, 0,
    toString(1 + number %% 3), arrayMap(place -> cityHash64(number, place, 99), range(%(hits)s))
FROM numbers(%(visits)s)"""
FILL_HITS = """
INSERT INTO hits (counter_id, date, watch_id, visit_id, client_id, hit_at)
SELECT %(counter)s, toDate(toTimeZone(at, 'Europe/Moscow')), watch, visit, client, at
FROM
(
    SELECT intDiv(number, %(hits)s) AS place, cityHash64(place, number %% %(hits)s, 99) AS watch,
        9223372036854775807 + place * 7 AS visit, 1 + cityHash64(place) AS client,
        toDateTime(1751317200 + place %% 80000 + cityHash64(number) %% 1500, 'UTC') AS at
    FROM numbers(%(visits)s * %(hits)s)
)"""


def open_stores() -> tuple[Any, Any]:
    """Both stores of the environment."""
    from include.metrika.fields.resolving import resolve_fields
    from include.metrika.loading.tables import source_table
    from include.settings import Settings
    from include.state.engine import connect_state, migrate
    from include.visits.tables import TABLES
    from include.warehouse.client import Warehouse
    from include.warehouse.schema import ensure_tables

    settings = Settings.from_env()
    assert settings.clickhouse is not None
    assert settings.database_url is not None
    warehouse, state = Warehouse(settings.clickhouse), connect_state(settings.database_url)
    migrate(state)
    raw = [source_table(source, resolve_fields(source)) for source in ("visits", "hits")]
    ensure_tables(warehouse, [*raw, *TABLES])
    return warehouse, state


def fill(visits: int, folder: Path) -> None:
    """A loaded day, a fitted model per device, the day scored, and every tenth visit in a sent file."""
    from include.registry.promotions import COMMAND, promote
    from include.registry.versions import register
    from include.visits.scoring.score_day import score_day

    warehouse, state = open_stores()
    values = {"counter": COUNTER, "day": DAY, "visits": visits, "hits": HITS_PER_VISIT}
    warehouse.execute(FILL_VISITS, values)
    warehouse.execute(FILL_HITS, values)
    _seal_load(warehouse, state)
    random = np.random.default_rng(1)
    for name, threshold in (("level4_desktop", 0.48), ("level4_mobile", 0.36)):
        fitted = _fitted(random)
        made = register(state, folder / "models", name=name, artefact=fitted, threshold=threshold, features=FEATURES)
        promote(state, name, made.version, cause=COMMAND)
    arguments = {"exports_dir": folder / "exports", "models_dir": folder / "models", "run_id": "benchmark"}
    score_day(warehouse, state, counter_id=COUNTER, day=DAY, **arguments)
    _place(warehouse, state)


def _fitted(random: np.random.Generator) -> Any:
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = pd.DataFrame(random.random((20_000, len(FEATURES))) * 100, columns=list(FEATURES))
    truth = rows["slots"] + rows["duration"] + random.normal(size=len(rows)) * 40 > 110
    return HistGradientBoostingClassifier(max_iter=80, learning_rate=0.08, random_state=0).fit(rows, truth)


def _seal_load(warehouse: Any, state: Any) -> None:
    from include.days import utc_now
    from include.state.counters import Counter, write_counter
    from include.state.manifest import StageRecord, write_stage
    from include.warehouse.day_swap import day_digest

    with state.begin() as connection:
        write_counter(connection, Counter(COUNTER, "shop", "Europe/Moscow"))
        for stage, day in (("visits", DAY), ("hits", DAY), ("hits", DAY + dt.timedelta(days=1))):
            digest = day_digest(warehouse, stage, COUNTER, day)
            write_stage(connection, StageRecord(COUNTER, day, stage, digest, "", "benchmark", 0.0, utc_now()))


def _place(warehouse: Any, state: Any) -> None:
    """The ledger as an upload of some level 4+ visits leaves it, written by its own statements."""
    from sqlalchemy import text

    from include.conversions.ledger.drafts import UploadOrigin, open_upload, seal_upload
    from include.conversions.ledger.uploads import change_upload
    from include.conversions.rules.identifiers import IdentifierKind
    from include.days import utc_now

    rows = warehouse.execute(
        "SELECT visit_id, client_id, toUnixTimestamp(started_at) AS epoch FROM visit_scores "
        "WHERE is_level4 AND cityHash64(visit_id, 5) %% %(every)s = 0 ORDER BY epoch, visit_id",
        {"every": LEVEL4_EVERY},
    )
    upload_id = "5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10"
    origin = UploadOrigin(COUNTER, "4plus", IdentifierKind.CLIENT_ID, "benchmark", "", utc_now())
    insert = text(
        "INSERT INTO conversions (conversion_id, counter_id, target, identifier_kind, identifier, event_at, visit_id, "
        "day, sent_epoch_seconds, currency, stage, held_reason, upload_id, line_number, is_withdrawn, decided_at) "
        "SELECT gen_random_uuid(), :counter, '4plus', 'CLIENT_ID', one ->> 1, to_timestamp((one ->> 2)::bigint), "
        "(one ->> 0)::numeric, :day, (one ->> 2)::bigint, '', 'placed', '', CAST(:upload AS uuid), place, false, now() "
        "FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS given (one, place)"
    )
    listed = json.dumps([[str(visit), str(client), epoch] for visit, client, epoch in rows])
    with state.begin() as connection:
        open_upload(connection, origin, upload_id)
        connection.execute(insert, {"counter": COUNTER, "day": DAY, "upload": upload_id, "rows": listed})
        seal_upload(connection, upload_id)
        facts = {"stage": "done", "metrika_upload_id": 812, "metrika_status": "PROCESSED", "sent_at": utc_now()}
        change_upload(connection, upload_id, **facts, finished_at=utc_now())
        connection.execute(text("ANALYZE conversions"))


def run_passports(folder: Path, *, derive: bool) -> None:
    """Milliseconds of each passport, in this process."""
    from include.provenance.passport.finding import find_cases, only_case
    from include.provenance.passport.questions import ask
    from include.provenance.passport.verifying import read_passport

    warehouse, state = open_stores()
    models_dir = folder / "models" if derive else None
    hits = differing = 0

    def one(visit_id: int) -> None:
        """Find and write one passport."""
        nonlocal hits, differing
        question = ask(visit_id=str(visit_id), counter_id=COUNTER)
        case = only_case(find_cases(warehouse, state, question), question)
        found = read_passport(warehouse, state, case, models_dir=models_dir)
        hits += len(found["hits"])
        differing += len(found["mismatches"])

    times = _timed(one, _visit_ids(state, DERIVED if derive else ASKED))
    print(json.dumps({**times, "hits": hits, "differing": differing, "rss_mb": peak_rss_mb()}))


def run_bare(folder: Path) -> None:
    """The reference: the rows alone, by their keys."""
    from sqlalchemy import text

    warehouse, state = open_stores()
    hits = 0
    of_day = "WHERE counter_id = %(counter)s AND date = %(day)s AND visit_id = %(visit)s"
    ledger = text(
        "SELECT * FROM conversions LEFT JOIN conversion_uploads USING (upload_id) "
        "WHERE conversions.counter_id = :counter AND visit_id = :visit"
    )

    def one(visit_id: int) -> None:
        """Read the rows of one visit."""
        nonlocal hits
        key = {"counter": COUNTER, "day": DAY, "next_day": DAY + dt.timedelta(days=1), "visit": visit_id}
        key["watch"] = warehouse.execute(f"SELECT watch_ids FROM visits {of_day}", key)[0][0]
        for table in ("visit_features", "visit_scores"):
            warehouse.execute(f"SELECT * FROM {table} {of_day}", key)
        sql = (
            "SELECT watch_id, hit_at FROM hits WHERE counter_id = %(counter)s AND date IN (%(day)s, %(next_day)s) "
            "AND watch_id IN %(watch)s"
        )
        hits += len(warehouse.execute(sql, key))
        with state.connect() as connection:
            connection.execute(ledger, {"counter": COUNTER, "visit": visit_id}).all()

    times = _timed(one, _visit_ids(state, ASKED))
    print(json.dumps({**times, "hits": hits}))


def run_sample(folder: Path) -> None:
    """Derive a thousand random rows again."""
    from include.provenance.passport.verifying import Sample, verify_sample

    warehouse, state = open_stores()
    started = time.perf_counter()
    found = verify_sample(warehouse, state, Sample(SAMPLE, seed=1), folder / "models")
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": found.rows, "agree": found.agree}))


def _visit_ids(state: Any, count: int) -> list[int]:
    from sqlalchemy import text

    with state.connect() as connection:
        ids = connection.execute(
            text("SELECT visit_id FROM conversions ORDER BY md5(visit_id::text) LIMIT :n"), {"n": count}
        )
        return [int(visit_id) for visit_id in ids.scalars()]


def _timed(one: Callable[[int], None], visit_ids: list[int]) -> dict[str, float]:
    for visit_id in visit_ids[:3]:
        one(visit_id)  # connections and imports are made before the clock runs
    times = []
    for visit_id in visit_ids:
        started = time.perf_counter()
        one(visit_id)
        times.append((time.perf_counter() - started) * 1000)
    return {"p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99))}


def compare(visits: int, folder: Path) -> None:
    """Fill once, then measure each way in a process of its own."""
    fill(visits, folder)
    ways = ("bare", "read", "derive", "sample")
    found = {way: in_fresh_process(__file__, "--run", way, "--folder", str(folder)) for way in ways}
    read, bare, sample = found["read"], found["bare"], found["sample"]
    if read["hits"] != bare["hits"] or found["derive"]["differing"] or sample["agree"] != sample["rows"]:
        raise SystemExit(f"answers differ: {found}")
    print(f"goal: a passport of one row in {GOAL_MS:.0f} ms; {sample['agree']} of {sample['rows']} random rows agree")
    libraries = ("clickhouse-driver", "sqlalchemy", "chdb-core")
    for name, way in (("passport", "read"), ("passport_derived_again", "derive")):
        facts = {"goal_ms": GOAL_MS, "p99": round(found[way]["p99"], 1), "reference_p99": round(bare["p99"], 1)}
        report(name, found[way]["p50"], bare["p50"], unit="ms", rows=visits, libraries=libraries, **facts)
    per_row = sample["seconds"] * 1000 / sample["rows"]
    report(
        "passport_sample_per_row", per_row, bare["p50"], unit="ms", rows=visits, libraries=libraries,
        seconds=round(sample["seconds"], 3), sampled=sample["rows"],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--run", choices=["read", "derive", "bare", "sample"])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        runs: dict[str, Callable[[Path], None]] = {
            "read": lambda folder: run_passports(folder, derive=False),
            "derive": lambda folder: run_passports(folder, derive=True),
            "bare": run_bare,
            "sample": run_sample,
        }
        runs[arguments.run](arguments.folder)
        return
    from include.services.stack import running_engines

    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            os.environ.update(endpoints.environment())
            compare(arguments.visits, Path(folder))


if __name__ == "__main__":
    main()
