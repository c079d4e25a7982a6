"""The choices that several metrics share: time-outs, gaps, and where the definitions come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.metrics.tables import TIMEOUTS_SECONDS

TIMEOUT_SECONDS = TIMEOUTS_SECONDS[-1]
SEED = "the formula this product began with, its errors removed"
# Kovanovic et al. compared time-outs on the same logs: models and conclusions moved with the choice.
TIMEOUT_PAPER = (
    "V. Kovanović, D. Gašević, S. Dawson, S. Joksimović, R. S. Baker, M. Hatala: Penetrating the black box of "
    "time-on-task estimation, LAK 2015"
)
PROJECT_DEFINED = "defined by this project: no field standard exists"
LAST_EVENT = "no gap, 0 s"

GAPS_CAPPED: Mapping[str, Any] = {
    "timeout_seconds": TIMEOUT_SECONDS,
    "gap_over_timeout": f"capped at {TIMEOUT_SECONDS} s",
    "gap_across_midnight": "counts like any other",
    "last_event": LAST_EVENT,
}
GAPS_DROPPED: Mapping[str, Any] = {
    "timeout_seconds": TIMEOUT_SECONDS,
    "gap_over_timeout": f"dropped, counts 0; exactly {TIMEOUT_SECONDS} s counts",
    "gap_across_midnight": "cut: counts 0, ends session and task",
    "last_event": LAST_EVENT,
}
NO_EVENTS = "no row for a person without events in the period"
