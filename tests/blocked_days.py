"""Findings of drift for tests that do not measure them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine

from include.state.blocks import Block, read_blocks
from include.visits.monitoring.blocking import apply_findings, approve_drift


def finding(feature: str = "slots", size: str = "moderate", scope: str = "desktop") -> dict[str, Any]:
    numbers = {"visits": 900, "mean": 3.0, "reference_mean": 5.0, "psi": 0.2, "p_adjusted": 1e-9}
    return {"scope": scope, "feature": feature, "size": size, **numbers}


def find(state: Engine, counter_id: int, day: dt.date, *findings: dict[str, Any]) -> bool:
    """A report found this; says whether the day is blocked now."""
    with state.begin() as connection:
        return apply_findings(connection, counter_id, day, findings, run_id="report")


def approve(state: Engine, counter_id: int, day: dt.date, **changes: Any) -> int:
    """A person lets the day pass; how many blocks that released."""
    return len(approve_drift(state, counter_id, [day], approved_by="anna", **changes))


def block_of(state: Engine, counter_id: int, day: dt.date) -> Block:
    with state.connect() as connection:
        return read_blocks(connection, counter_id, [day])[0]
