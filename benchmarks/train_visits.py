"""Training on many visits against bare scikit-learn: the same estimators fitted on the same folds.

The product checks the visits, deals the folds, measures every candidate, chooses, calibrates, finds the threshold,
checks the held-out days and writes the card; the reference only fits and asks. Interleaved, best of the rounds.
``python benchmarks/train_visits.py``
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import in_fresh_process, peak_rss_mb, report

ROUNDS = 2
DAYS, DAY_SECONDS = 10, 86_400
CLIENT_SHARE = 0.6
FEATURES = (
    "slots", "slot_range", "slot_density", "median_pause", "mean_pause", "std_pause", "duration", "pageViews", "bounce",
)  # fmt: skip


def draw(visits: int) -> Any:
    """Visits of ten days with a planted signal."""
    from include.visits.training.samples import Samples

    random = np.random.default_rng(1)
    table = pd.DataFrame(random.lognormal(3, 1, (visits, len(FEATURES))), columns=list(FEATURES))
    table["bounce"] = (random.random(visits) < 0.2).astype(float)
    odds = np.log(table["slots"]) - 5 + 0.3 * np.log(table["duration"])
    labels = (random.random(visits) < 1 / (1 + np.exp(-odds))).to_numpy().astype(np.int8)
    clients = random.integers(1, int(visits * CLIENT_SHARE), visits).astype(np.uint64)
    return Samples(table, labels, clients, 1_750_000_000 + random.integers(0, DAYS * DAY_SECONDS, visits))


def run_product(visits: int) -> None:
    """Our way: seconds of each part."""
    from include.visits.training.thresholds import ThresholdGoal
    from include.visits.training.trainer import train_model

    samples, marks = draw(visits), {}
    train_model(samples.take(np.arange(2_000)), goal=ThresholdGoal("top-share", 0.1))  # imports and threads
    before, started = peak_rss_mb(), time.perf_counter()

    def mark(message: str, done: int, total: int) -> None:
        marks.setdefault(message, time.perf_counter() - started)

    model = train_model(samples, goal=ThresholdGoal("top-share", 0.1), progress=mark)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "marks": marks,
                "growth_mb": peak_rss_mb() - before,
                "pr_auc": {name: scores["pr_auc"] for name, scores in model.card["candidates"].items()},
                "chosen": model.card["chosen"],
            }
        )
    )


def run_bare(visits: int) -> None:
    """The reference: fits and answers only, on the same rows and folds."""
    from sklearn.metrics import average_precision_score

    from include.visits.training.candidates import LOGISTIC, make_estimator, single_names
    from include.visits.training.folds import grouped_folds, split_by_time

    samples = draw(visits)
    learnt = samples.take(split_by_time(samples).learn)
    matrix, labels = learnt.features.to_numpy(), learnt.labels
    folds = grouped_folds(labels, learnt.groups)
    make_estimator(LOGISTIC, 2_000, 0).fit(matrix[:2_000], labels[:2_000])
    started, found = time.perf_counter(), {}
    for name in single_names(len(labels)):
        answers = np.empty(len(labels))
        for learn, asked in folds:
            fitted = make_estimator(name, len(learn), 0).fit(matrix[learn], labels[learn])
            answers[asked] = fitted.predict_proba(matrix[asked])[:, 1]
        make_estimator(name, len(labels), 0).fit(matrix, labels)
        found[name] = answers
    seconds = time.perf_counter() - started
    scores = {name: float(average_precision_score(labels, answers)) for name, answers in found.items()}
    print(json.dumps({"seconds": seconds, "pr_auc": scores}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=100_000)
    parser.add_argument("--run", choices=["product", "bare"])
    arguments = parser.parse_args()
    if arguments.run:
        {"product": run_product, "bare": run_bare}[arguments.run](arguments.visits)
        return
    visits = arguments.visits
    rounds = [
        {
            run: in_fresh_process(__file__, "--run", run, "--visits", str(arguments.visits))
            for run in ("product", "bare")
        }
        for _ in range(ROUNDS)
    ]
    for results in rounds:
        for name, value in results["bare"]["pr_auc"].items():
            if not np.isclose(results["product"]["pr_auc"][name], value, rtol=1e-6):
                raise SystemExit(f"answers of {name} differ: {results}")
    product = min((results["product"] for results in rounds), key=lambda result: result["seconds"])
    bare = min(results["bare"]["seconds"] for results in rounds)
    report(
        "train_visits_against_scikit_learn", product["seconds"], bare, unit="s", rows=visits,
        libraries=("scikit-learn", "numpy", "pandas", "scipy"), chosen=product["chosen"],
        fits_seconds=round(product["marks"]["trained"], 3),
        rest_seconds=round(product["seconds"] - product["marks"]["trained"], 3),
        growth_mb=round(product["growth_mb"]), pr_auc=product["pr_auc"], seed=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
