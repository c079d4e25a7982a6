"""Scoring a measured day with models against bare ``predict_proba`` on the same rows.

The job reads features from ClickHouse, asks a model per device, stores probabilities, decides and
stores the scores of every visit. The reference holds the matrix in memory and only predicts. Interleaved,
best of the rounds. ``python benchmarks/score_visits.py``
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

import numpy as np

from benchmarks.measuring import in_fresh_process, peak_rss_mb, report

COUNTER, DAY = 101, dt.date(2025, 7, 1)
ROUNDS = 3
FEATURES = (
    "slots",
    "slot_range",
    "slot_density",
    "median_pause",
    "mean_pause",
    "std_pause",
    "duration",
    "pageViews",
    "bounce",
)
TRAINING_ROWS = 20_000
BOOSTING = {"max_iter": 80, "learning_rate": 0.08, "random_state": 0}  # the visit classifier of the quality measures

# Desktops and phones by halves; every visit below the rule's page border, so that a model decides each.
FILL = """
INSERT INTO visit_features
SELECT
    %(counter_id)s, %(day)s, number + 1, cityHash64(number), toDateTime(1751328000 + number %% 80000, 'UTC'),
    cityHash64(number, 1) %% 1800, 1 + cityHash64(number, 2) %% 4, cityHash64(number, 3) %% 5 = 0,
    toString(1 + number %% 2), 1 + cityHash64(number, 4) %% 40, 0, 1 + cityHash64(number, 5) %% 20,
    cityHash64(number, 6) %% 120, (cityHash64(number, 5) %% 20 + 1) / 7, cityHash64(number, 7) %% 200,
    cityHash64(number, 8) %% 300, (cityHash64(number, 9) %% 4000) / 10, 0
FROM numbers(%(visits)s)"""


def open_stores() -> tuple[Any, Any]:
    """Both stores of the environment."""
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
    ensure_tables(warehouse, TABLES)
    return warehouse, state


def fill(visits: int, models_dir: Path) -> None:
    """Store features of a day and put a fitted model per device into production."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    from include.registry.promotions import COMMAND, promote
    from include.registry.versions import register

    warehouse, state = open_stores()
    warehouse.execute(FILL, {"counter_id": COUNTER, "day": DAY, "visits": visits})
    random = np.random.default_rng(1)
    for name, threshold in (("level4_desktop", 0.48), ("level4_mobile", 0.36)):
        rows = pd.DataFrame(random.random((TRAINING_ROWS, len(FEATURES))) * 100, columns=list(FEATURES))
        truth = rows["slots"] + rows["duration"] + random.normal(size=TRAINING_ROWS) * 40 > 110
        fitted = HistGradientBoostingClassifier(**BOOSTING).fit(rows, truth)
        made = register(state, models_dir, name=name, artefact=fitted, threshold=threshold, features=FEATURES)
        promote(state, name, made.version, cause=COMMAND)


def run_job(models_dir: Path) -> None:
    """The product's way: seconds of each part, memory above the loaded models."""
    from include.visits.deciding.stage_scores import stage_scores
    from include.visits.models.device_models import load_device_models
    from include.visits.tables import VISIT_SCORES
    from include.warehouse.day_swap import staging

    warehouse, state = open_stores()
    models = load_device_models(state, models_dir)
    warm_up(models)
    before, marks = peak_rss_mb(), {}
    started = time.perf_counter()
    with staging(warehouse, VISIT_SCORES, "benchmark") as stage:
        asked = stage_scores(
            warehouse,
            models,
            features="visit_features",
            stage=stage,
            slot="benchmark",
            counter_id=COUNTER,
            day=DAY,
            progress=lambda message, done, total: marks.setdefault(message, time.perf_counter() - started),
        )
        seconds = time.perf_counter() - started
        total = warehouse.scalar(f"SELECT sum(score) FROM {stage}")
    deciding = seconds - marks["deciding"]
    print(
        json.dumps(
            {
                "seconds": seconds,
                "asking": marks["deciding"],
                "deciding": deciding,
                "growth_mb": peak_rss_mb() - before,
                "asked": asked,
                "sum": total,
            }
        )
    )


def run_bare(models_dir: Path) -> None:
    """The reference: the same matrices in memory, predict_proba once per device."""
    from include.visits.deciding.probabilities import matrix_of
    from include.visits.models.device_models import columns_of, load_device_models

    warehouse, state = open_stores()
    models = load_device_models(state, models_dir)
    inputs = []
    for device, model in models.items():
        frame = warehouse.frame("SELECT * FROM visit_features WHERE device_category = %(device)s", {"device": device})
        inputs.append((model, model._input(matrix_of(frame, columns_of(model.features, model.label)))))
    warm_up(models)
    started = time.perf_counter()
    answers = [model.estimator.predict_proba(rows)[:, 1] for model, rows in inputs]
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "sum": float(sum(answer.sum() for answer in answers))}))


def warm_up(models: dict[str, Any]) -> None:
    """Imports and threads of the estimators are started before the clock."""
    for model in models.values():
        model.probabilities(np.zeros((1_000, len(FEATURES))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--run", choices=["job", "bare"])
    parser.add_argument("--models", type=Path)
    arguments = parser.parse_args()
    if arguments.run:
        {"job": run_job, "bare": run_bare}[arguments.run](arguments.models)
        return
    from include.services.stack import running_engines

    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            os.environ.update(endpoints.environment())
            compare(arguments.visits, Path(folder) / "models")


def compare(visits: int, models_dir: Path) -> None:
    """Fill once, run both in turn, compare answers, then times."""
    fill(visits, models_dir)
    rounds = [
        {run: in_fresh_process(__file__, "--run", run, "--models", str(models_dir)) for run in ("job", "bare")}
        for _ in range(ROUNDS)
    ]
    for results in rounds:
        if results["job"]["asked"] != visits or not np.isclose(
            results["job"]["sum"], results["bare"]["sum"], rtol=1e-9
        ):
            raise SystemExit(f"answers differ: {results}")
    job = min((results["job"] for results in rounds), key=lambda result: result["seconds"])
    bare = min(results["bare"]["seconds"] for results in rounds)
    print(
        f"equal answers for {visits} visits; asking the models {job['asking']:.3f} s, deciding and storing "
        f"{job['deciding']:.3f} s, bare predict_proba {bare:.3f} s"
    )
    report(
        "score_visits_against_predict_proba",
        job["seconds"],
        bare,
        unit="s",
        rows=visits,
        libraries=("scikit-learn", "numpy", "pandas", "chdb-core"),
        asking_seconds=round(job["asking"], 4),
        deciding_seconds=round(job["deciding"], 4),
        growth_mb=round(max(results["job"]["growth_mb"] for results in rounds)),
        seed=1,
    )


if __name__ == "__main__":
    main()
