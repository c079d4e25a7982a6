"""What a training is asked for, and what came out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.visits.training_job.sources import TrainingData

NEVER, IF_BETTER = "never", "gate"


@dataclass(frozen=True)
class TrainOrder:
    """A training of the device models.

    Attributes:
        data: which labelled visits.
        goal: what the thresholds are to achieve: seed, precision=P or top-share=S.
        promote: ``never``, or ``gate`` to let a candidate decide that passes the gate.
        seed: of everything random.
    """

    data: TrainingData
    goal: str = "seed"
    promote: str = NEVER
    seed: int = 0


@dataclass(frozen=True)
class DeviceOutcome:
    """What training did for one device.

    Attributes:
        device: desktop or mobile.
        name: the model.
        rows: labelled visits of the device.
        positives: of them level 4+.
        refused: why no model was trained; empty when one was.
        version: the candidate's version, empty when none was trained.
        threshold: its threshold.
        scores: measures out of fold: pr_auc, roc_auc, ece, brier and more.
        comparison: rule only, candidate and the version in production on the held-out visits.
        is_better: True when the candidate passed the gate.
        reasons: what spoke against it.
        is_promoted: True when it decides from now on.
        is_new: False when the very same version was registered before.
    """

    device: str
    name: str
    rows: int
    positives: int
    refused: str = ""
    version: str = ""
    threshold: float | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    comparison: Mapping[str, Any] = field(default_factory=dict)
    is_better: bool = False
    reasons: tuple[str, ...] = ()
    is_promoted: bool = False
    is_new: bool = False


@dataclass(frozen=True)
class TrainReport:
    """What a training did.

    Attributes:
        first, last: days of the labelled visits.
        sources: label sources used.
        as_of: labels known later were not used, UTC.
        labelled: visits with a usable label.
        without_hits: of them left out, nothing was known before the outcome.
        other_devices: of them left out, no model stands for their device.
        unused: visits whose label was not known at ``as_of``, or whose outcome was still awaited.
        devices: outcome by device.
        duration_seconds: time taken.
    """

    first: dt.date
    last: dt.date
    sources: tuple[str, ...]
    as_of: dt.datetime
    labelled: int
    without_hits: int
    other_devices: int
    unused: int
    devices: tuple[DeviceOutcome, ...]
    duration_seconds: float = 0.0
