"""The job: what would these days look like with another model or threshold; nothing stored changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include.days import utc_now
from include.progress import Progress, no_progress
from include.state.engine import reachable
from include.visits.models.device_models import load_device_models
from include.visits.tables import TABLES
from include.visits.what_if.change_list import ChangeSink
from include.visits.what_if.comparing import StatusOf, pairs_sql
from include.visits.what_if.proposal import Proposal, TrialModels, load_trial
from include.visits.what_if.records import WhatIf, store_what_if
from include.visits.what_if.scored_days import require_scored
from include.visits.what_if.trial_day import Trial, try_day
from include.visits.what_if.value import ValueRule, find_value_rule, require_value
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables

logger = logging.getLogger(__name__)

SUMMED = ("before", "after", "kept", "added", "removed", "sendable", "removed_sent")


@dataclass(frozen=True)
class Question:
    """What is asked about one counter.

    Attributes:
        counter_id: the counter.
        days: the range, every day of it in order.
        proposal: what is proposed.
        value_per_visit: value of a visit when visits carry none; None to count only.
    """

    counter_id: int
    days: Sequence[dt.date]
    proposal: Proposal
    value_per_visit: float | None = None


def ask(
    warehouse: Warehouse,
    state: Engine,
    question: Question,
    *,
    models_dir: Path,
    status_of: StatusOf,
    run_id: str,
    changes: ChangeSink | None = None,
    progress: Progress = no_progress,
) -> WhatIf:
    """Decide a range of scored days in shadow and compare with what is stored; asking again changes nothing.

    Args:
        warehouse: the warehouse; stored scores stay as they are.
        state: the state engine.
        question: counter, days, proposal.
        models_dir: folder of model artefacts.
        status_of: asks the ledger of conversions.
        run_id: the run.
        changes: gets every visit that becomes or stops being level 4+, as a row.
        progress: told after each day.

    Returns:
        The answer as stored; the same question about the same input has the same id and counts, and what could
        still be sent as of now.

    Raises:
        DayNotReady: days have not been scored; the message names them.
        InputError: an unknown version, or a value that is none.
        ModelError: a model cannot be used.
        StoreConflict: stored scores contradict their manifest.
        StoreUnavailable: a store cannot be reached.
    """
    require_value(question.value_per_visit)
    require_scored(state, [question.counter_id], question.days)
    ensure_tables(warehouse, TABLES)
    models = load_trial(state, models_dir, question.proposal)
    first, last = question.days[0], question.days[-1]
    value = find_value_rule(warehouse, question.counter_id, first, last, question.value_per_visit)
    production = load_device_models(state, models_dir)
    trial = Trial(
        warehouse, state, question.counter_id, models.by_device, production, value, status_of, changes, progress
    )
    days = []
    for number, day in enumerate(question.days):
        progress(f"trying {day}", number, len(question.days))
        days.append(try_day(trial, day))
    progress("compared", len(days), len(days))
    asked = _answer(question, models, value, days, run_id)
    with reachable(state), state.begin() as connection:
        stored = store_what_if(connection, asked)
    _log(stored)
    return stored


def _answer(
    question: Question, models: TrialModels, value: ValueRule, days: list[dict[str, Any]], run_id: str
) -> WhatIf:
    proposal = {
        model.name: {name: field for name, field in asdict(model).items() if name != "name"}
        for model in models.proposed
    }
    basis = {
        "proposal": proposal,
        "production": dict(models.production),
        "value": [value.source, value.expression],
        "queries": hashlib.sha256(pairs_sql().encode()).hexdigest(),
        "days": [[day["day"], day["stored_digest"], day["input_digest"]] for day in days],
    }
    return WhatIf(
        what_if_id="",
        counter_id=question.counter_id,
        first_day=question.days[0],
        last_day=question.days[-1],
        proposal=proposal,
        summary={
            "days": days,
            "total": total_of(days),
            "value_source": value.source,
            "value_note": value.note,
            "production": dict(models.production),
            "as_of": utc_now().isoformat(timespec="seconds"),
        },
        input_digest=hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest(),
        run_id=run_id,
        asked_at=utc_now(),
    )


def total_of(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the days of a what-if.

    Args:
        days: entries of a summary's ``days``.

    Returns:
        The counts, ``value`` by group and ``sendable_value`` as far as visits have one.
    """
    total: dict[str, Any] = {name: sum(day[name] for day in days) for name in SUMMED}
    total["value"] = {
        name: round(sum(day["value"][name] for day in days), 2) for name in (days[0]["value"] if days else ())
    }
    if total["value"]:
        total["sendable_value"] = round(sum(day["sendable_value"] for day in days), 2)
    return total


def _log(asked: WhatIf) -> None:
    total = asked.summary["total"]
    logger.info(
        "what-if %s: level4 %d before, %d after, kept %d, added %d, removed %d, counter %d, days %s to %s",
        asked.what_if_id,
        *(total[name] for name in ("before", "after", "kept", "added", "removed")),
        asked.counter_id,
        asked.first_day,
        asked.last_day,
    )
