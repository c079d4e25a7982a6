"""The job: put a what-if in force - register and promote its models, score its days again."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.errors import InputError, StoreConflict
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.registry.artefacts import read_verified
from include.registry.promotions import WHAT_IF, promote
from include.registry.versions import find_production, find_version, register
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.manifest import read_stages
from include.visits.scoring.score_day import score_day
from include.visits.scoring.score_inputs import STAGE, input_digest, read_inputs
from include.visits.what_if.proposal import Proposal, ProposedModel, TrialModels, load_trial
from include.visits.what_if.records import WhatIf, mark_applied, read_what_if
from include.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

# Every point at which a killed apply is proved to be finished by the next one.
APPLY_FAILPOINTS = (
    "what_if.locked",
    "what_if.checked",
    "what_if.registered",
    "what_if.promoted",
    "what_if.day_scored",
    "what_if.scored",
    "what_if.applied",
)


@dataclass(frozen=True)
class Applying:
    """What putting a what-if in force needs.

    Attributes:
        warehouse: the warehouse.
        state: the state engine.
        exports_dir: folder of the lists of level 4+ visits.
        models_dir: folder of model artefacts.
        run_id: the run; it may repeat itself after a crash.
        applied_by: who approved.
        progress: told after each day.
    """

    warehouse: Warehouse
    state: Engine
    exports_dir: Path
    models_dir: Path
    run_id: str
    applied_by: str
    progress: Progress = no_progress


def apply_what_if(applying: Applying, what_if_id: str) -> WhatIf:
    """Make an approved what-if real; nothing is sent by it, and a crash anywhere is finished by the next call.

    Args:
        applying: stores, folders, who and which run.
        what_if_id: an asked what-if.

    Returns:
        It, as applied.

    Raises:
        InputError: no such what-if, applied before (code ``already_applied``), or its input has changed since
            (code ``what_if_stale``).
        ModelError: a model cannot be used.
        StoreConflict: the new scores are not those that were shown.
        StoreUnavailable: a store cannot be reached.
    """
    asked = read_what_if(applying.state, what_if_id)
    with day_lock(applying.state, asked.counter_id, asked.days, purpose="what_if"):
        failpoint("what_if.locked")
        asked = read_what_if(applying.state, what_if_id)
        if asked.applied_at is not None:
            return _applied_before(asked, applying.run_id)
        require_fresh(applying.state, applying.models_dir, asked)
        failpoint("what_if.checked")
        for model in asked.models:
            _put_in_force(applying, asked, model)
        _score_again(applying, asked)
        failpoint("what_if.scored")
        applied = mark_applied(applying.state, asked.what_if_id, applied_by=applying.applied_by, run_id=applying.run_id)
        failpoint("what_if.applied")
    logger.info("what-if %s applied by %s, counter %d", asked.what_if_id, applying.applied_by, asked.counter_id)
    return applied


def require_applicable(state: Engine, models_dir: Path, asked: WhatIf) -> None:
    """Refuse a what-if that cannot be put in force, before anybody is asked about it.

    Args:
        state: the state engine.
        models_dir: folder of model artefacts.
        asked: the what-if.

    Raises:
        InputError: applied before, or its input has changed since.
        ModelError: a model cannot be used any more.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if asked.applied_at is not None:
        _applied_before(asked, "")
    require_fresh(state, models_dir, asked)


def _applied_before(asked: WhatIf, run_id: str) -> WhatIf:
    """A run that repeats itself has nothing left to do; anybody else is told."""
    if run_id and asked.applied_run_id == run_id:
        return asked
    raise InputError(
        f"What-if {asked.what_if_id} was applied on {asked.applied_at:%Y-%m-%d %H:%M} UTC by {asked.applied_by}; "
        "ask again to see what another change would do.",
        code="already_applied",
        pointer="/id",
    )


def require_fresh(state: Engine, models_dir: Path, asked: WhatIf) -> None:
    """Refuse a what-if that was computed from something that has changed since.

    A day may be as it was when asked, or already as the what-if makes it: an apply that was killed goes on.

    Args:
        state: the state engine.
        models_dir: folder of model artefacts.
        asked: the what-if.

    Raises:
        InputError: something has changed (code ``what_if_stale``); the message says what.
        ModelError: a model cannot be used any more.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    reason = _changed_models(state, asked) or _changed_day(state, _trial_of(state, models_dir, asked), asked)
    if reason:
        raise InputError(
            f"What-if {asked.what_if_id} is out of date: {reason}. Ask again with 'python -m include visits what-if' "
            "and apply the new answer.",
            code="what_if_stale",
            pointer="/id",
        )


def _changed_models(state: Engine, asked: WhatIf) -> str:
    names = {**asked.summary["production"], **asked.proposal}
    allowed = {name: {str(asked.summary["production"].get(name, ""))} for name in names}
    for model in asked.models:
        allowed[model.name].add(model.version)
    for name, versions in allowed.items():
        found = find_production(state, name)
        if (found.version if found else "") not in versions:
            return f"another version of {name} has been put into production since"
    return ""


def _trial_of(state: Engine, models_dir: Path, asked: WhatIf) -> TrialModels:
    versions = {model.name: model.base_version for model in asked.models}
    thresholds = {model.name: model.threshold for model in asked.models}
    return load_trial(state, models_dir, Proposal(versions, thresholds))


def _changed_day(state: Engine, models: TrialModels, asked: WhatIf) -> str:
    expected = {dt.date.fromisoformat(day["day"]): day for day in asked.summary["days"]}
    with reachable(state), state.connect() as connection:
        records = {record.day: record for record in read_stages(connection, asked.counter_id, expected, [STAGE])}
    for day, shown in expected.items():
        if day not in records or records[day].digest not in (shown["stored_digest"], shown["trial_digest"]):
            return f"day {day} has been scored otherwise since"
        if input_digest(read_inputs(state, asked.counter_id, day), models.by_device) != shown["input_digest"]:
            return f"day {day} has been loaded again since, or is decided by other rules"
    return ""


def _put_in_force(applying: Applying, asked: WhatIf, model: ProposedModel) -> None:
    if model.is_new_threshold:
        base = find_version(applying.state, model.name, model.base_version)
        register(
            applying.state,
            applying.models_dir,
            name=model.name,
            artefact=read_verified(applying.models_dir, base.sha256, f"{base.name} {base.version}"),
            threshold=model.threshold,
            features=base.features,
            manifest={**base.manifest, "origin": "what_if", "based_on": base.version, "what_if": asked.what_if_id},
        )
    failpoint("what_if.registered")
    promote(applying.state, model.name, model.version, cause=WHAT_IF, run_id=applying.run_id)
    failpoint("what_if.promoted")


def _score_again(applying: Applying, asked: WhatIf) -> None:
    shown: Mapping[str, Any]
    for number, shown in enumerate(asked.summary["days"]):
        day = dt.date.fromisoformat(shown["day"])
        applying.progress(f"scoring {day}", number, len(asked.summary["days"]))
        report = score_day(
            applying.warehouse,
            applying.state,
            counter_id=asked.counter_id,
            day=day,
            exports_dir=applying.exports_dir,
            models_dir=applying.models_dir,
            run_id=applying.run_id,
        )
        if report.digest != shown["trial_digest"]:
            raise StoreConflict(
                f"Day {day} of counter {asked.counter_id} came out otherwise than what-if {asked.what_if_id} showed, "
                "because its rows or models changed meanwhile; ask again and apply the new answer."
            )
        failpoint("what_if.day_scored")
    applying.progress("scored", len(asked.summary["days"]), len(asked.summary["days"]))
