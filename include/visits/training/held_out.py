"""The last look: visits later than everything a candidate has learnt from, and who is better on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from include.errors import InputError
from include.visits.measuring.rule import passes_rule
from include.visits.models.device_models import columns_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.registry.estimators import LoadedModel
    from include.visits.training.samples import Samples

HELD_OUT_SHARE = 0.2  # the last fifth of the visits
DAY_SECONDS = 86_400
MEASURES = ("pr_auc", "roc_auc", "brier", "ece", "ece_by_chance")  # of a model's probabilities, without the rule
MIN_HELD_OUT = 30  # visits; measures of fewer are noise
WORSE_BY = 0.01  # PR-AUC below production; less than the same data varies by between seeds
MOST_ECE = 0.05  # beyond what chance gives; a candidate may be this far from its promises on later days


@dataclass(frozen=True)
class HeldOut:
    """Visits to learn from, and later ones to judge by.

    Attributes:
        learn: shape (n,), rows to learn from.
        judge: shape (m,), rows to judge by, all later.
        from_seconds: start of the held-out time, epoch seconds.
    """

    learn: NDArray[np.int64]
    judge: NDArray[np.int64]
    from_seconds: int


def hold_out(at_seconds: NDArray[np.int64]) -> HeldOut:
    """Split visits by time: about the last fifth, from the start of a day (UTC) where there are several.

    Args:
        at_seconds: shape (n,), start of each visit, epoch seconds, n >= 1.

    Returns:
        Rows on both sides; no visit to judge by starts before one to learn from.

    >>> import numpy as np
    >>> hold_out(np.array([0, 10, 20, 30, 90_000])).from_seconds
    86400
    """
    import numpy as np

    ordered = np.sort(at_seconds)
    border = int(ordered[int(len(ordered) * (1 - HELD_OUT_SHARE))])
    midnights = border - border % DAY_SECONDS + np.array([0, DAY_SECONDS])
    shares = np.array([np.mean(at_seconds < midnight) for midnight in midnights])
    nearest = int(np.argmin(np.abs(shares - (1 - HELD_OUT_SHARE))))
    start = int(midnights[nearest]) if 0.5 <= shares[nearest] <= 1 - HELD_OUT_SHARE / 2 else border
    return HeldOut(np.flatnonzero(at_seconds < start), np.flatnonzero(at_seconds >= start), start)


def ask_model(model: LoadedModel, samples: Samples, hit_counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ask any model about labelled visits, whatever it calls its features.

    Args:
        model: the model.
        samples: n visits.
        hit_counts: shape (n,), hits of each visit.

    Returns:
        Shape (n,), probabilities.

    Raises:
        ModelError: the model wants what visits do not have, or fails.
    """
    import numpy as np

    known = dict(zip(columns_of(list(samples.features.columns), "training"), samples.features.columns, strict=True))
    columns = columns_of(model.features, model.label)
    matrix = np.column_stack(
        [hit_counts if name == "hit_count" else samples.features[known[name]].to_numpy() for name in columns]
    )
    return model.probabilities(matrix)


def compare(
    samples: Samples, asked: dict[str, tuple[NDArray[np.float64], float]]
) -> dict[str, dict[str, float | int | None]]:
    """Hold deciders against each other on the same visits: the rule alone, and the rule with each model.

    Args:
        samples: n visits, both classes.
        asked: by name, shape (n,) probabilities of a model and its threshold.

    Returns:
        By decider ``rule``, then each name: what it flags, how right it is, and how well it ranks. A visit that
        the rule flags comes first in the ranking of every decider, because no model is asked about it.
    """
    import numpy as np

    f = samples.features
    by_rule = passes_rule(f["duration"], f["pageViews"], f["slots"])
    rankings = {"rule": by_rule.astype(np.float64)}
    found = {"rule": _decider(samples.labels, by_rule, rankings["rule"], None)}
    for name, (probabilities, threshold) in asked.items():
        rankings[name] = np.where(by_rule, 1.0, probabilities)
        found[name] = _decider(samples.labels, by_rule | (probabilities > threshold), rankings[name], probabilities)
    if "candidate" in rankings:
        rival = rankings.get("production", rankings["rule"])
        found["candidate"] |= _difference(samples, rankings["candidate"], rival)
    return found


def _difference(
    samples: Samples, ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> dict[str, float | int | None]:
    """How much better the candidate ranks than what serves now, with an interval at 95 % by client."""
    from include.visits.training.bootstrap import pr_auc_difference

    found = pr_auc_difference(samples.labels, samples.groups, ours, theirs)
    return {
        "pr_auc_difference": round(found.value, 6),
        "pr_auc_difference_low": round(found.low, 6),
        "pr_auc_difference_high": round(found.high, 6),
    }


def _decider(
    labels: NDArray[np.int8],
    flagged: NDArray[np.bool_],
    ranking: NDArray[np.float64],
    probabilities: NDArray[np.float64] | None,
) -> dict[str, float | int | None]:
    from sklearn.metrics import average_precision_score

    from include.visits.training.scores import measure_scores

    right, positives, count = int((labels[flagged] == 1).sum()), int(labels.sum()), int(flagged.sum())
    own = {}
    if probabilities is not None:
        own = {**asdict(measure_scores(labels, probabilities)), "ece_by_chance": _ece_by_chance(probabilities)}
    return {
        "visits": len(labels),
        "flagged_share": round(count / len(labels), 6),
        "precision": round(right / count, 6) if count else None,
        "recall": round(right / positives, 6) if positives else None,
        "pr_auc": round(float(average_precision_score(labels, ranking)), 6),
        **{f"model_{name}": round(float(own[name]), 6) for name in MEASURES if name in own},
    }


def _ece_by_chance(probabilities: NDArray[np.float64]) -> float:
    """Calibration error that perfect probabilities would show on so few visits: mean of a normal's distance per bin."""
    import numpy as np

    from include.visits.training.scores import ECE_BINS

    bins = np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    variances = np.bincount(bins, weights=probabilities * (1 - probabilities), minlength=ECE_BINS)
    return float(np.sqrt(2 * variances / np.pi).sum() / len(probabilities))


def judge(comparison: dict[str, dict[str, Any]], verdict: str) -> tuple[str, ...]:
    """Say what speaks against a candidate.

    Args:
        comparison: from :func:`compare`, with ``candidate`` and, when a version serves, ``production``.
        verdict: of the conformal check of its threshold on the held-out visits.

    Returns:
        A sentence per reason; none when the candidate may decide.
    """
    candidate, rival = comparison["candidate"], comparison.get("production") or comparison["rule"]
    name = "the version in production" if "production" in comparison else "the rule alone"
    margin = WORSE_BY if "production" in comparison else 0.0  # a first model has to be worth having
    reasons = []
    if candidate["pr_auc"] < rival["pr_auc"] - margin:
        reasons.append(
            f"Rule and candidate rank the held-out visits worse than {name}: PR-AUC {candidate['pr_auc']:.3f} against "
            f"{rival['pr_auc']:.3f} (difference at 95 % from {candidate['pr_auc_difference_low']:.3f} to "
            f"{candidate['pr_auc_difference_high']:.3f})."
        )
    allowed = MOST_ECE + candidate["model_ece_by_chance"]
    if candidate["model_ece"] > allowed:
        reasons.append(
            f"Its probabilities are off by {candidate['model_ece']:.3f} on the held-out visits; at most {allowed:.3f} "
            "is allowed."
        )
    if verdict == "does not hold":
        reasons.append("What its threshold promises does not hold on the held-out visits; its card says which part.")
    return tuple(reasons)


def require_judgeable(samples: Samples) -> None:
    """Refuse held-out visits that can say nothing.

    Args:
        samples: the visits to judge by.

    Raises:
        InputError: too few, or of one class only; the message names the minimum.
    """
    if len(samples) < MIN_HELD_OUT or not 0 < samples.positive_count < len(samples):
        raise InputError(
            f"The last fifth of the labelled visits, by which a candidate is judged, has {len(samples)} visits with "
            f"{samples.positive_count} positive; it needs at least {MIN_HELD_OUT} visits and both classes. Label "
            "more visits.",
            code="too_few_rows",
            pointer="--from",
        )
