"""What labelled visits must be before anything is learnt from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.errors import InputError

if TYPE_CHECKING:
    from include.visits.training.samples import Samples

MIN_ROWS = 50  # visits; below that five folds hold fewer than ten each
MIN_OF_EACH_CLASS = 10  # positives and negatives; two per fold
MIN_CLIENTS = 10  # of each class, so that every fold can have its own


def require_trainable(samples: Samples, *, what: str = "the labelled visits") -> None:
    """Refuse visits that nothing can be learnt from.

    Args:
        samples: the visits.
        what: the visits in messages.

    Raises:
        InputError: too few rows, one class only, too few clients, or features that are not numbers; the message
            names the minimum.
    """
    import numpy as np

    rows, positives = len(samples), samples.positive_count
    rarer = min(positives, rows - positives)
    if rows and not rarer:
        raise InputError(
            f"Of {what} all {rows} are labelled {'1' if positives else '0'}; at least {MIN_OF_EACH_CLASS} of each "
            "class are needed.",
            code="one_class",
        )
    if rows < MIN_ROWS or rarer < MIN_OF_EACH_CLASS:
        raise InputError(
            f"There are {rows} of {what}, {positives} of them labelled 1; at least {MIN_ROWS} are needed, with at "
            f"least {MIN_OF_EACH_CLASS} of each class. Label more visits.",
            code="too_few_rows",
        )
    for label in (0, 1):
        clients = len(np.unique(samples.groups[samples.labels == label]))
        if clients < MIN_CLIENTS:
            raise InputError(
                f"Of {what} those labelled {label} come from {clients} clients only; at least {MIN_CLIENTS} are "
                "needed, because no client is both learnt from and asked about. Label visits of more clients.",
                code="too_few_clients",
            )
    bad = [str(name) for name, column in samples.features.items() if not np.isfinite(column.to_numpy()).all()]
    if bad:
        raise InputError(
            f"Features {', '.join(bad)} of {what} hold values that are no finite numbers; replace or drop them.",
            code="bad_features",
        )
