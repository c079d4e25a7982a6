"""What a model trained on labelled visits is worth, beside rule 180-5-5 and a logistic baseline."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from include.errors import InputError
from include.progress import Progress, no_progress
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES, OTHER_DEVICE
from include.visits.evaluating.measured_visits import MeasuredVisits
from include.visits.models.import_models import DEFAULT_THRESHOLDS
from include.visits.training.evaluation import evaluate_out_of_fold
from include.visits.training.requirements import require_trainable
from include.visits.training.scores import measure_deciles, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
MOST_LISTED = 20  # unknown visit ids shown
ALL_DEVICES = "all devices"


def evaluate_visits(
    visits: MeasuredVisits, *, folds: int = FOLDS, seed: int = 0, progress: Progress = no_progress
) -> dict[str, Any]:
    """Train, calibrate and ask out of fold by client, one model per device category.

    A device category with too few visits is asked of a model over all devices. Visits count as flagged as in
    production: by the rule, or on desktops and phones by a probability above the default threshold.

    Args:
        visits: labelled visits with hits.
        folds: number of folds.
        seed: of everything random.
        progress: told after each fold.

    Returns:
        Plain values as JSON holds them; keys in docs/evaluation.md.

    Raises:
        InputError: too few visits, or one class only.
    """
    import numpy as np

    samples = visits.samples
    require_trainable(samples, what="the labelled visits with hits")
    names = np.array([DEVICE_NAMES.get(device, OTHER_DEVICE) for device in visits.devices], dtype=object)
    answers = np.empty((3, len(samples)), dtype=np.float64)  # calibrated, raw, baseline
    asked_of: dict[str, str] = {}
    chosen: dict[str, list[str]] = {}
    for name, rows in _by_model(visits, names, asked_of):
        part = samples if name == ALL_DEVICES else samples.take(rows)
        found = evaluate_out_of_fold(part, folds=folds, seed=seed, progress=_told(progress, name))
        kept = rows if name == ALL_DEVICES else np.arange(len(rows))
        answers[:, rows] = np.stack([found.probabilities, found.raw, found.baseline])[:, kept]
        chosen[name] = list(found.chosen)
    by_model = _above_threshold(names, answers[0])
    devices = [one for one in (*DEVICE_NAMES.values(), OTHER_DEVICE) if one in asked_of]
    every = np.ones(len(samples), dtype=bool)
    return {
        **_measure(visits, answers, by_model, every),
        "by_device": {
            device: {**_measure(visits, answers, by_model, names == device), "model": asked_of[device]}
            for device in devices
        },
        "deciles": [asdict(one) for one in measure_deciles(samples.labels, answers[0])],
        "thresholds": dict(DEFAULT_THRESHOLDS),
        "chosen": chosen,
        "unknown_labels": len(visits.unknown_ids),
        "unknown_visit_ids": [str(one) for one in visits.unknown_ids[:MOST_LISTED]],
        "visits_without_hits": visits.without_hits,
        "visits_without_client": visits.without_client,
        "clients": len(np.unique(samples.groups)),
        "days": visits.days,
        "folds": folds,
        "seed": seed,
    }


def _by_model(
    visits: MeasuredVisits, names: NDArray[np.object_], asked_of: dict[str, str]
) -> list[tuple[str, NDArray[np.int64]]]:
    """Models to train, each with the rows it is asked about; fills in which device is asked of which model."""
    import numpy as np

    found, left = [], []
    for device in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == device)
        try:
            require_trainable(visits.samples.take(rows))
        except InputError:
            left.append(rows)
            asked_of[device] = ALL_DEVICES
        else:
            found.append((str(device), rows))
            asked_of[device] = device
    if left:
        found.append((ALL_DEVICES, np.sort(np.concatenate(left))))
    return found


def _told(progress: Progress, name: str) -> Progress:
    return lambda message, done, total: progress(f"{message}, {name}", done, total)


def _above_threshold(names: NDArray[np.object_], probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """What the device models would flag; other devices have none in production."""
    import numpy as np

    flagged = np.zeros(len(names), dtype=bool)
    for category in DEVICE_MODELS:
        device = DEVICE_NAMES[category]
        flagged |= (names == device) & (probabilities > DEFAULT_THRESHOLDS[device])
    return flagged


def _measure(
    visits: MeasuredVisits, answers: NDArray[np.float64], by_model: NDArray[np.bool_], rows: NDArray[np.bool_]
) -> dict[str, Any]:
    labels = visits.samples.labels[rows]
    counts: dict[str, Any] = {"rows": len(labels), "positives": int(labels.sum())}
    if 0 < counts["positives"] < counts["rows"]:
        calibrated, raw, baseline = (measure_scores(labels, answer[rows]) for answer in answers)
        counts |= asdict(calibrated) | {"raw": asdict(raw), "baseline": asdict(baseline)}
    rule, both = visits.by_rule[rows], (visits.by_rule | by_model)[rows]
    rule_right, both_right = int(labels[rule].sum()), int(labels[both].sum())
    return {
        **counts,
        "flagged": int(both.sum()),
        "flagged_share": _share(int(both.sum()), counts["rows"]),
        "rule_flagged": int(rule.sum()),
        "rule_flagged_share": _share(int(rule.sum()), counts["rows"]),
        "rule_precision": _share(rule_right, int(rule.sum())),
        "rule_recall": _share(rule_right, counts["positives"]),
        "model_precision": _share(both_right, int(both.sum())),
        "model_recall": _share(both_right, counts["positives"]),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
