"""The card of a model: what it was trained on, how good it is, and what backs its threshold."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from include.visits.training.scores import ECE_BINS, measure_deciles, measure_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.visits.training.conformal import HeldOutCheck
    from include.visits.training.fitting import FittedModel
    from include.visits.training.samples import Samples
    from include.visits.training.thresholds import ChosenThreshold, ThresholdGoal

CARD_FORMAT = 1
SOURCES = {
    "calibration": "Platt 1999 (sigmoid on log odds); Zadrozny, Elkan 2002 (isotonic); Niculescu-Mizil, Caruana 2005",
    "ece": f"Naeini, Cooper, Hauskrecht 2015; {ECE_BINS} bins of equal width",
    "threshold": "Angelopoulos et al. 2021, Learn then Test: fixed-sequence exact binomial tests",
    "held_out": "Vovk 2012, class-conditional conformal prediction; Clopper, Pearson 1934",
}


def build_card(
    learnt: Samples,
    later: Samples,
    fitted: FittedModel,
    later_probabilities: NDArray[np.float64],
    *,
    goal: ThresholdGoal,
    threshold: ChosenThreshold,
    check: HeldOutCheck,
    seed: int,
) -> dict[str, Any]:
    """Write the card.

    Args:
        learnt: visits learnt from.
        later: visits held out, later than those.
        fitted: the model and its out-of-fold predictions of the visits learnt from.
        later_probabilities: shape (m,), of the held-out visits.
        goal: what the threshold was to achieve.
        threshold: the threshold.
        check: the last look.
        seed: of everything random.

    Returns:
        Plain values as JSON holds them; the same inputs give the same card.
    """
    both_classes = 0 < later.positive_count < len(later)
    return {
        "format": CARD_FORMAT,
        "data": {**_describe(learnt), "held_out": _describe(later)},
        "rows": len(learnt),
        "positives": learnt.positive_count,
        "features": [str(name) for name in learnt.features.columns],
        "feature_quantiles": _quantiles(learnt),
        "seed": seed,
        "chosen": fitted.chosen,
        "candidates": {name: asdict(found) for name, found in fitted.candidates.items()},
        "calibration": {"method": fitted.model.calibrator.method, "rows": len(learnt)},
        "scores": asdict(measure_scores(learnt.labels, fitted.judged)),
        "raw_scores": asdict(measure_scores(learnt.labels, fitted.raw)),
        "baseline_scores": asdict(measure_scores(learnt.labels, fitted.baseline_probabilities)),
        "deciles": [asdict(one) for one in measure_deciles(learnt.labels, fitted.judged)],
        "threshold": {**asdict(threshold), "goal": asdict(goal)},
        "held_out": {
            **asdict(check),
            "scores": asdict(measure_scores(later.labels, later_probabilities)) if both_classes else None,
            "known_clients": _known_clients(learnt, later),
        },
        "libraries": _libraries(),
        "sources": SOURCES,
    }


def _describe(samples: Samples) -> dict[str, Any]:
    import numpy as np

    if not len(samples):
        return {"rows": 0, "positives": 0, "clients": 0, "from": None, "to": None}
    return {
        "rows": len(samples),
        "positives": samples.positive_count,
        "clients": len(np.unique(samples.groups)),
        "from": _moment(int(samples.at_seconds.min())),
        "to": _moment(int(samples.at_seconds.max())),
    }


def _moment(at_seconds: int) -> str:
    return dt.datetime.fromtimestamp(at_seconds, dt.UTC).isoformat()


def _quantiles(samples: Samples) -> dict[str, list[float]]:
    """Lowest value, quartiles and highest value of every feature."""
    found = samples.features.quantile([0, 0.25, 0.5, 0.75, 1])
    return {str(name): [round(float(value), 6) for value in column] for name, column in found.items()}


def _known_clients(learnt: Samples, later: Samples) -> int:
    """Held-out visits of clients that were learnt from: they come back, as in production."""
    import numpy as np

    return int(np.isin(later.groups, learnt.groups).sum())


def _libraries() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("scikit-learn", "numpy", "pandas", "scipy")}
