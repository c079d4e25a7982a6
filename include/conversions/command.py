"""What the ``conversions`` commands do, without the command line around it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from include.conversions.linkage import retry_linkage
from include.conversions.tracking import TrackReport, track
from include.conversions.upload_day import UploadReport, upload_day
from include.days import parse_day
from include.errors import ConfigError
from include.metrika.conversions_api import ConversionsApi
from include.progress import Progress, no_progress
from include.settings import Settings
from include.warehouse.client import Warehouse

SUMMED = ("sent", "held", "already_sent")


def upload_command(
    warehouse: Warehouse,
    state: Engine,
    api: ConversionsApi,
    settings: Settings,
    *,
    date: str,
    counter_id: int | None = None,
    target: str | None = None,
    include_old: bool = False,
    progress: Progress = no_progress,
) -> list[UploadReport]:
    """Upload one day of one counter, or of every counter of the settings.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        api: Metrika.
        settings: counters and how conversions are built.
        date: ``YYYY-MM-DD``.
        counter_id: one counter; None for all of the settings.
        target: goal identifier; None for the one of the settings.
        include_old: send visits older than 21 days as well.
        progress: told what is being done.

    Returns:
        One report per counter.

    Raises:
        ConfigError: no counter is named.
        InputError: the date is malformed, the day is not scored, or the goal does not exist.
        SourceError: Metrika refused or does not answer.
    """
    day = parse_day(date)
    return [
        upload_day(
            warehouse,
            state,
            api,
            counter_id=counter,
            day=day,
            settings=settings.conversions,
            run_id=_run_id(),
            target=target,
            include_old=include_old,
            progress=progress,
        )
        for counter in _counters(settings, counter_id)
    ]


def upload_summary(reports: Sequence[UploadReport]) -> dict[str, Any]:
    """The ``--json`` line of ``conversions upload``.

    Args:
        reports: one per counter.

    Returns:
        ``sent held already_sent`` summed, ``uploads`` of all, and ``counters`` with every report.
    """
    return {
        **{name: sum(getattr(report, name) for report in reports) for name in SUMMED},
        "uploads": [asdict(upload) for report in reports for upload in report.uploads],
        "counters": [asdict(report) for report in reports],
    }


def track_command(
    state: Engine,
    api: ConversionsApi,
    settings: Settings,
    *,
    date: str | None = None,
    counter_id: int | None = None,
) -> TrackReport:
    """Look once at every open upload, after repeating those whose linking failed and whose delay is over.

    Args:
        state: the state engine.
        api: Metrika.
        settings: counters and how uploads are followed.
        date: report on this day only; None for everything recent.
        counter_id: one counter; None for all of the settings.

    Returns:
        Where the uploads stand.

    Raises:
        ConfigError: no counter is named.
        InputError: the date is malformed.
        SourceError: Metrika refused or does not answer.
    """
    day = None if date is None else parse_day(date)
    counter_ids = _counters(settings, counter_id)
    retry_linkage(state, api, counter_ids=counter_ids, settings=settings.conversions, run_id=_run_id())
    return track(state, api, counter_ids=counter_ids, settings=settings.conversions, day=day)


def track_summary(report: TrackReport) -> dict[str, Any]:
    """The ``--json`` line of ``conversions track``.

    Args:
        report: where the uploads stand.

    Returns:
        ``processed pending failed`` uploads, ``linked`` conversions, ``alerts``.
    """
    return asdict(report)


def _counters(settings: Settings, counter_id: int | None) -> tuple[int, ...]:
    counter_ids = settings.metrika.counter_ids if counter_id is None else (counter_id,)
    if not counter_ids:
        raise ConfigError("No counter is named; set METRIKA_COUNTER or give --counter.")
    return counter_ids


def _run_id() -> str:
    return f"command{uuid.uuid4().hex[:12]}"
