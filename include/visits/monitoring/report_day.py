"""The job: the monitoring report of a scored day, kept with its manifest."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from include.days import utc_now
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.settings import DriftSettings
from include.state.blocks import read_blocks
from include.state.engine import reachable
from include.state.locks import day_lock
from include.state.manifest import StageRecord, read_stages, write_stage
from include.visits.devices import DEVICE_MODELS, DEVICE_NAMES
from include.visits.monitoring.blocking import LARGE, MODERATE, Finding, apply_findings
from include.visits.monitoring.checks import DRIFT, LARGE_PSI, NOT_JUDGED, judge_together
from include.visits.monitoring.drift import check_device, check_device_mix
from include.visits.monitoring.observed import WINDOW_DAYS, read_margins, read_observed
from include.visits.monitoring.report_inputs import MonitoringInputs, read_inputs, rules_of
from include.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

STAGE = "monitoring"
MONITORING_FAILPOINTS = ("monitoring.locked", "monitoring.measured", "monitoring.noted")


@dataclass(frozen=True)
class DayReport:
    """The monitoring report of a counter-day.

    Attributes:
        counter_id: the counter.
        day: local day.
        is_blocked: True when its conversions wait for a person.
        unchanged: True when the stored report was already that of this input.
        digest: digest of the content.
        counts: checks, drifted, not judged; visits asked, labelled and unlabelled.
        content: references, checks, calibration, margins, rules.
    """

    counter_id: int
    day: dt.date
    is_blocked: bool
    unchanged: bool
    digest: str
    counts: Mapping[str, int]
    content: Mapping[str, Any]


def report_day(
    warehouse: Warehouse,
    state: Engine,
    *,
    counter_id: int,
    day: dt.date,
    settings: DriftSettings,
    run_id: str,
    progress: Progress = no_progress,
) -> DayReport:
    """Report on a scored day, and block its upload when it drifted and the settings say so.

    Args:
        warehouse: with the scores and features of the day and of those before it.
        state: the state engine.
        counter_id: the counter.
        day: local day.
        settings: level, floor, and whether drift blocks.
        run_id: the run, for the manifest.
        progress: told after each step.

    Returns:
        The report; the stored one when nothing it is made of has changed.

    Raises:
        DayNotReady: the day has no scores; the message names the command.
        StoreUnavailable: a store cannot be reached.
    """
    started = time.monotonic()
    with day_lock(state, counter_id, [day], purpose=STAGE):
        failpoint("monitoring.locked")
        inputs = read_inputs(warehouse, state, counter_id, day, settings)
        with reachable(state), state.connect() as connection:
            record = next(iter(read_stages(connection, counter_id, [day], [STAGE])), None)
        unchanged = record is not None and record.input_digest == inputs.digest
        if record is None or not unchanged:
            content = measure_day(warehouse, inputs, settings, progress)
            failpoint("monitoring.measured")
            record = _record(inputs, content, run_id, time.monotonic() - started)
        with reachable(state), state.begin() as connection:
            if not unchanged:
                write_stage(connection, record)
            if settings.blocks:
                apply_findings(connection, counter_id, day, findings_of(record.details), run_id=run_id)
            is_blocked = bool(read_blocks(connection, counter_id, [day], is_open=True))
        failpoint("monitoring.noted")
    report = DayReport(counter_id, day, is_blocked, unchanged, record.digest, dict(record.counts), dict(record.details))
    logger.info(
        "day reported %s, counter %d, checks %d, drifted %d, labelled %d of %d asked, blocked %s, unchanged %s",
        day, counter_id, report.counts["checks"], report.counts["drifted"], report.counts["labelled"],
        report.counts["asked"], is_blocked, unchanged,
    )  # fmt: skip
    return report


def measure_day(
    warehouse: Warehouse, inputs: MonitoringInputs, settings: DriftSettings, progress: Progress = no_progress
) -> dict[str, Any]:
    """Measure everything the report says; writes nothing.

    Args:
        warehouse: the warehouse.
        inputs: from :func:`read_inputs`.
        settings: level and floor.
        progress: told after each step.

    Returns:
        The content of the report, as JSON can hold it.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached.
    """
    counter_id, day, steps = inputs.counter_id, inputs.day, len(DEVICE_MODELS) + 2
    checks = [check_device_mix(warehouse, counter_id, day, inputs.days[""])]
    for number, device in enumerate(DEVICE_MODELS):
        progress(f"comparing {DEVICE_NAMES[device]} visits", number, steps)
        days, version = inputs.days[device], inputs.versions[device]
        checks += check_device(warehouse, counter_id, day, device, days=days, version=version)
    progress("comparing with labels", steps - 2, steps)
    observed = read_observed(warehouse, counter_id, day)
    progress("looking at thresholds", steps - 1, steps)
    margins = read_margins(warehouse, counter_id, day)
    rules = rules_of(settings)
    return {
        "rules": asdict(rules),
        "references": {DEVICE_NAMES.get(scope, "all"): _span(days) for scope, days in inputs.days.items()},
        "checks": [asdict(check) for check in judge_together(checks, rules)],
        "label_window_days": WINDOW_DAYS,
        "calibration": [asdict(one) for one in observed],
        "margins": [asdict(one) for one in margins],
    }


def findings_of(content: Mapping[str, Any]) -> list[Finding]:
    """What of a report blocks a day.

    Args:
        content: content of the report.

    Returns:
        Drifted features with their numbers and size.
    """
    drifted = [one for one in content["checks"] if one["verdict"] == DRIFT]
    return [{**one, "size": LARGE if one["psi"] >= LARGE_PSI else MODERATE} for one in drifted]


def _record(inputs: MonitoringInputs, content: dict[str, Any], run_id: str, duration_seconds: float) -> StageRecord:
    plain = json.loads(json.dumps(content))  # as it is read back: lists, not tuples
    return StageRecord(
        counter_id=inputs.counter_id,
        day=inputs.day,
        stage=STAGE,
        digest=hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest(),
        input_digest=inputs.digest,
        run_id=run_id,
        duration_seconds=duration_seconds,
        finished_at=utc_now(),
        counts=_counts(plain),
        details=plain,
    )


def _counts(content: Mapping[str, Any]) -> dict[str, int]:
    verdicts = [one["verdict"] for one in content["checks"]]
    models: dict[tuple[str, str], tuple[int, int]] = {}
    for one in content["calibration"]:  # several sources may label the same visits
        key, labelled = (one["device"], one["version"]), one["calibration"]["visits"]
        models[key] = (one["asked"], max(labelled, models.get(key, (0, 0))[1]))
    asked, labelled = (sum(pair[place] for pair in models.values()) for place in (0, 1))
    return {
        "checks": len(verdicts),
        "drifted": verdicts.count(DRIFT),
        "not_judged": verdicts.count(NOT_JUDGED),
        "asked": asked,
        "labelled": labelled,
        "unlabelled": asked - labelled,
    }


def _span(days: Sequence[dt.date]) -> dict[str, Any]:
    return {"days": len(days), "first_day": str(days[0]) if days else "", "last_day": str(days[-1]) if days else ""}
