"""The steps of ``conversion_upload`` as one call each."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from dags.wiring.runs import Run
from dags.wiring.units import Unit, days_of

if TYPE_CHECKING:
    from include.conversions.tracking import TrackReport

log = logging.getLogger(__name__)


def upload_unit(run: Run, unit: Unit) -> list[dict[str, Any]]:
    """Send what has not been sent of a counter's days.

    Args:
        run: what the task works with.
        unit: counter and days; a run of the API may instead be for the one upload it prepared.

    Returns:
        Counts per day, for XCom.
    """
    if run.params["single"]:
        return [_send_single(run)]
    return list(_send_days(run, unit))


def _send_single(run: Run) -> dict[str, Any]:
    from include.conversions.resume import send_prepared
    from include.metrika.client.conversions_api import ConversionsApi

    delivery = send_prepared(
        run.stores.state,
        ConversionsApi(run.session),
        upload_id=run.params["upload_id"],
        settings=run.settings.conversions,
        run_id=run.run_id,
    )
    return {"sent": len(delivery.sent)}


def _send_days(run: Run, unit: Unit) -> Iterator[dict[str, Any]]:
    from include.conversions.upload_day import upload_day
    from include.metrika.client.conversions_api import ConversionsApi

    api = ConversionsApi(run.session)
    for day in days_of(unit):
        report = upload_day(
            run.stores.warehouse,
            run.stores.state,
            api,
            counter_id=unit["counter_id"],
            day=day,
            settings=run.settings.conversions,
            run_id=run.run_id,
            task_id=run.params["task_id"] or "",
            target=run.params["target"] or None,
            include_old=run.params["include_old"],
            upload_id=run.params["upload_id"] or None,
        )
        yield asdict(report)


def follow_units(run: Run, units: Sequence[Unit]) -> dict[str, int]:
    """Look once at the uploads of all units; a bad end turns the run red when nothing is pending any more.

    Args:
        run: what the task works with.
        units: counters and days.

    Returns:
        ``processed``, ``pending`` and ``failed`` uploads.

    Raises:
        AirflowFailException: all have ended, at least one of them badly.
    """
    counts = track_units(run, units)
    if counts["pending"] == 0:
        _report_failures(counts)
    return counts


def track_units(run: Run, units: Sequence[Unit]) -> dict[str, int]:
    """Ask Metrika once about the uploads of all units that are not finished.

    Args:
        run: what the task works with.
        units: counters and days.

    Returns:
        ``processed``, ``pending`` and ``failed`` uploads.
    """
    counts = {"processed": 0, "pending": 0, "failed": 0}
    for unit in units:
        for day in days_of(unit):
            report = _look(run, unit["counter_id"], day)
            counts = {name: count + getattr(report, name) for name, count in counts.items()}
            for alert in report.alerts:
                log.warning("%s", alert)
    if run.params["single"]:
        counts = _single_counts(run)
    log.info("uploads processed %(processed)d, pending %(pending)d, failed %(failed)d", counts)
    return counts


def _look(run: Run, counter_id: int, day: dt.date) -> TrackReport:
    from include.conversions.tracking import track
    from include.metrika.client.conversions_api import ConversionsApi

    api, settings = ConversionsApi(run.session), run.settings.conversions
    return track(run.stores.state, api, counter_ids=[counter_id], settings=settings, day=day)


def _single_counts(run: Run) -> dict[str, int]:
    from include.conversions.reports import upload_status
    from include.state.engine import reachable

    with reachable(run.stores.state), run.stores.state.connect() as connection:
        found = upload_status(connection, run.params["upload_id"])
    status = found.status if found else "failed"
    return {name: int(name == status) for name in ("processed", "pending", "failed")}


def _report_failures(counts: dict[str, int]) -> None:
    """Turn the run red when an upload ended badly, so that a person looks.

    Args:
        counts: from :func:`track_units`.

    Raises:
        AirflowFailException: at least one upload failed.
    """
    if counts["failed"]:
        raise AirflowFailException(
            f"{counts['failed']} uploads ended badly at Metrika; the warnings above say why. What was not linked is "
            "sent again by housekeeping while it is inside the 21 days."
        )


def forget_run(run: Run) -> None:
    """Forget the token that the caller of the API gave for this run.

    Args:
        run: what the task works with.
    """
    from include.state.api_tasks import forget_token

    forget_token(run.stores.state, run.run_id)
