"""What the manifest says of a loaded day: counts, digests, and everything that decided how rows were read."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.days import utc_now
from include.metrika.loading.day_staging import StagedRange
from include.metrika.loading.load_job import LoadJob, fields_of
from include.metrika.loading.tables import KEY_COLUMN
from include.state.code_version import code_version
from include.state.manifest import StageRecord
from include.warehouse.day_swap import EMPTY_DAY, DaySummary, summarize_days
from include.warehouse.narrowing import Narrowing, narrow_days

LOADER_VERSION = "1"
LOAD_CODE = (
    "metrika/loading",
    "metrika/fields",
    "warehouse/day_swap.py",
    "warehouse/partition_swap.py",
    "warehouse/narrowing.py",
)


@dataclass(frozen=True)
class LoadedDay:
    """One day of one source as it was swapped in.

    Attributes:
        record: the stage for the manifest.
        narrowing: digests of parts of its rows, for the seal; None for a day without rows.
    """

    record: StageRecord
    narrowing: Mapping[str, Any] | None


def describe_range(
    job: LoadJob, staged: StagedRange, phase_seconds: Mapping[str, float], duration_seconds: float
) -> list[LoadedDay]:
    """Describe every day of a staged range; its staging tables must still be there.

    Args:
        job: the load.
        staged: the range.
        phase_seconds: seconds by phase of the load.
        duration_seconds: how long the load took so far.

    Returns:
        One entry per day, empty days included.
    """
    name, counter_id = staged.table.name, job.counter.counter_id
    narrowings = narrow_days(job.warehouse, staged.stage, counter_id, KEY_COLUMN[name])
    bad = summarize_days(job.warehouse, staged.quarantine_stage, counter_id, "line_number")
    details = {**_details(job, staged), "seconds": dict(phase_seconds)}
    return [
        LoadedDay(
            _record(job, staged, day, details, bad.get(day, EMPTY_DAY), duration_seconds), _kept(narrowings.get(day))
        )
        for day in staged.days
    ]


def _kept(narrowing: Narrowing | None) -> dict[str, Any] | None:
    return narrowing.as_dict() if narrowing else None


def _details(job: LoadJob, staged: StagedRange) -> dict[str, Any]:
    return {
        "loader": LOADER_VERSION,
        "code": code_version(*LOAD_CODE),
        "time_zone": job.counter.time_zone,
        "fields": [f.api_name for f in fields_of(job, staged.table.name)],
        "parameters": {"quotes": job.settings.quotes, "quarantine_share": job.settings.quarantine_share},
        "range": {
            "received": staged.received,
            "lines": staged.counts.received,
            "stored": staged.stored,
            "duplicates": staged.duplicates,
            "quarantined": sum(staged.quarantined.values()),
        },
    }


def _record(
    job: LoadJob,
    staged: StagedRange,
    day: dt.date,
    details: Mapping[str, Any],
    bad: DaySummary,
    duration_seconds: float,
) -> StageRecord:
    summary, quarantined = staged.summary(day), staged.quarantined.get(day, 0)
    duplicates = staged.duplicate_days.get(day, 0)
    received = summary.row_count + duplicates + quarantined
    return StageRecord(
        counter_id=job.counter.counter_id,
        day=day,
        stage=staged.table.name,
        digest=summary.digest,
        input_digest=hashlib.sha256(f"{LOADER_VERSION} {summary.digest}".encode()).hexdigest()[:32],
        run_id=job.run_id,
        duration_seconds=duration_seconds,
        finished_at=utc_now(),
        counts={
            "received": received,
            "stored": summary.row_count,
            "duplicates": duplicates,
            "quarantined": quarantined,
        },
        details={**details, "quarantine_digest": bad.digest},
    )
