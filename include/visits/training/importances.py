"""How much a model leans on each of its features: what it loses when that feature is shuffled among the visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.visits.training.samples import Samples

REPEATS = 3  # shuffles of each feature; their spread says how steady the figure is
MOST_ROWS = 2_000  # a forest is asked REPEATS times per feature; more rows change the third digit only


@dataclass(frozen=True)
class Importance:
    """What a feature is worth to a model.

    Attributes:
        feature: its name.
        pr_auc_lost: mean fall of PR-AUC when its values are shuffled; about 0 or below: it is not used.
        spread: standard deviation of that fall over the shuffles.
    """

    feature: str
    pr_auc_lost: float
    spread: float


def measure_importances(estimator: Any, samples: Samples, *, seed: int) -> list[Importance]:
    """Measure what each feature is worth, on visits the model has not learnt from.

    Args:
        estimator: fitted, with predict_proba, on the columns of ``samples``.
        samples: n visits, both classes; at most 2,000 of them are asked about, drawn with ``seed``.
        seed: of the draw and the shuffles; the same input gives the same figures.

    Returns:
        One entry per feature, the most important first. Features that say the same share their worth.

    Source:
        Breiman: Random Forests (Machine Learning 45, 2001), permutation importance.
    """
    import numpy as np
    from sklearn.metrics import average_precision_score

    random = np.random.default_rng(seed)
    if len(samples) > MOST_ROWS:
        samples = samples.take(np.sort(random.choice(len(samples), MOST_ROWS, replace=False)))
    whole = float(average_precision_score(samples.labels, estimator.predict_proba(samples.features)[:, 1]))
    found = []
    for name in samples.features.columns:
        losses = []
        for _ in range(REPEATS):
            mixed = samples.features.assign(**{name: random.permutation(samples.features[name].to_numpy())})
            losses.append(whole - float(average_precision_score(samples.labels, estimator.predict_proba(mixed)[:, 1])))
        found.append(Importance(str(name), round(float(np.mean(losses)), 6), round(float(np.std(losses)), 6)))
    return sorted(found, key=lambda one: -one.pr_auc_lost)
