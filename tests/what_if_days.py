"""Scored days with models in production, and what-ifs asked about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from include.conversions.ledger.visit_statuses import visit_statuses
from include.days import utc_now
from include.registry.promotions import promote
from include.registry.versions import ModelVersion, register
from include.settings import ConversionSettings
from include.visits.what_if.applying import Applying, apply_what_if
from include.visits.what_if.asking import Question, ask
from include.visits.what_if.proposal import Proposal
from include.visits.what_if.records import WhatIf
from include.warehouse.client import Warehouse
from tests.visit_days import LoadedDay
from tests.visit_models import SlotShare

DESKTOP, MOBILE = "level4_desktop", "level4_mobile"


@dataclass
class Trials:
    """Models, questions and answers around one folder of models."""

    warehouse: Warehouse
    state: Engine
    folder: Path

    def serve(self, name: str, threshold: float, scale: float = 10.0) -> ModelVersion:
        """Put a model into production; its probability is slots / scale."""
        made = self.register(name, threshold, scale)
        return promote(self.state, name, made.version, cause="command")

    def register(self, name: str, threshold: float, scale: float = 10.0) -> ModelVersion:
        return register(
            self.state,
            self.folder / "models",
            name=name,
            artefact=SlotShare(scale),
            threshold=threshold,
            features=["slots"],
        )

    def ask(self, day: LoadedDay, proposal: Proposal, **changes: Any) -> WhatIf:
        now = changes.pop("now", utc_now())
        question = Question(
            day.counter_id, changes.pop("days", (day.day,)), proposal, changes.pop("value_per_visit", None)
        )
        arguments: dict[str, Any] = {
            "models_dir": self.folder / "models",
            "status_of": partial(visit_statuses, self.state, ConversionSettings(), now),
            "run_id": "test",
        }
        return ask(self.warehouse, self.state, question, **{**arguments, **changes})

    def applying(self, **changes: Any) -> Applying:
        arguments: dict[str, Any] = {
            "warehouse": self.warehouse,
            "state": self.state,
            "exports_dir": self.folder / "exports",
            "models_dir": self.folder / "models",
            "run_id": "apply",
            "applied_by": "tester",
        }
        return Applying(**{**arguments, **changes})

    def apply(self, asked: WhatIf, **changes: Any) -> WhatIf:
        return apply_what_if(self.applying(**changes), asked.what_if_id)


@pytest.fixture
def trials(warehouse: Warehouse, state: Engine, tmp_path: Path) -> Trials:
    return Trials(warehouse, state, tmp_path)


@pytest.fixture
def scored(loaded: LoadedDay, trials: Trials, score: Callable[..., Any]) -> LoadedDay:
    """Visits of both devices with 1 to 4 slots, one by rule, one without hits; models at 0.25."""
    trials.serve(DESKTOP, 0.25)
    trials.serve(MOBILE, 0.25)
    for device in ("1", "2"):
        for slots in (1, 2, 3, 4):
            loaded.add_visit([15 * slot for slot in range(slots)], device_category=device)
    loaded.add_visit([0, 60, 120, 180, 240])
    loaded.add_visit([])
    loaded.store()
    score(loaded)
    return loaded
