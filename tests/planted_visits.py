"""Labelled visits with a planted signal: long, active visits are of level 4+ more often."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.visits.training.samples import Samples

DAYS, DAY_SECONDS, FIRST_SECOND = 10, 86_400, 1_750_000_000


def planted_samples(rows: int = 600, seed: int = 0) -> Samples:
    """Draw visits.

    Args:
        rows: number of visits; about a quarter are of level 4+.
        seed: of the draw.

    Returns:
        Visits of ten days and about rows / 2 clients.
    """
    random = np.random.default_rng(seed)
    duration = random.lognormal(5, 1.2, rows).round()
    slots = 1 + random.poisson(duration / 90)
    chance = 1 / (1 + np.exp(-(1.5 * (np.log1p(duration) - 6) + 0.25 * (slots - 5))))
    return Samples(
        pd.DataFrame({"slots": slots.astype(float), "duration": duration, "noise": random.normal(size=rows)}),
        (random.random(rows) < chance).astype(np.int8),
        random.integers(1, max(2, rows // 2), rows).astype(np.uint64),
        FIRST_SECOND + random.integers(0, DAYS * DAY_SECONDS, rows),
    )
