"""The step of ``learning_metrics`` as one call, and what a run of it is for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param, get_current_context

from dags.wiring.runs import Run
from include.days import parse_day, parse_range
from include.errors import InputError
from include.metrics.names import ALL_VERSIONS, VERSIONS, Metric, parse_versions
from include.metrics.recalculating.orders import ORDER_CAUSES, Order

BACKFILL, SCHEDULED = "backfill", "scheduled"  # kinds of runs, as Airflow calls them
DAY_NAMES = ("date", "date_from", "date_to")
PERIOD_NAMES = ("period_start", "period_end")


def metrics_params() -> dict[str, Param]:
    """The form fields with which a person, or the API, says what to calculate.

    Returns:
        Days, a free period, courses, metrics, version and cause.
    """
    day: dict[str, Any] = {"type": ["null", "string"], "format": "date"}
    moment: dict[str, Any] = {"type": ["null", "string"], "format": "date-time"}
    names: dict[str, Any] = {"type": "array", "items": {"type": "string", "minLength": 1}}
    metric_names: dict[str, Any] = {"type": "array", "items": {"type": "string", "enum": [str(one) for one in Metric]}}
    versions = [*(str(version) for version in VERSIONS), ALL_VERSIONS]
    return {
        "date": Param(None, title="Day", description="One day in the zone of each course.", **day),
        "date_from": Param(None, title="First day", description="Start of a range, with Last day.", **day),
        "date_to": Param(None, title="Last day", description="End of a range, included.", **day),
        "period_start": Param(None, title="Period from", description="First instant of a free period.", **moment),
        "period_end": Param(None, title="Period to", description="First instant after it.", **moment),
        "project": Param(None, type=["null", "string"], title="App", description="App code; empty means any."),
        "courses": Param([], title="Courses", description="Ids; empty means all.", examples=["c-101"], **names),
        "metrics": Param([], title="Metrics", description="Empty means all six.", **metric_names),
        "version": Param(ALL_VERSIONS, type="string", enum=versions, title="Version", description="Definitions."),
        "cause": Param(
            ORDER_CAUSES[0], type="string", enum=list(ORDER_CAUSES), title="Cause", description="For restatements."
        ),
        "task_id": Param(None, type=["null", "string"], title="API task", description="Set by the API."),
    }


def recalculate_run(run: Run) -> dict[str, Any]:
    """Take new loads, rebuild user-days, and calculate the values of every period that they belong to.

    Args:
        run: what the task works with.

    Returns:
        Counts, for XCom.
    """
    from include.metrics.recalculating.job import recalculate

    stores = run.stores
    report = recalculate(stores.warehouse, stores.state, run.settings, run_order(run), run_id=run.run_id)
    return {**asdict(report), "courses": len(report.courses)}


def run_order(run: Run) -> Order:
    """What the running run is for.

    Args:
        run: what the task works with.

    Returns:
        The order.

    Raises:
        InputError: its parameters contradict each other or cannot be read.
    """
    context = get_current_context()
    return metrics_order(run.params, str(context["dag_run"].run_type), context.get("partition_key"))


def metrics_order(params: Mapping[str, Any], run_type: str, partition_key: str | None) -> Order:
    """Decide what a run calculates; the only place that does.

    Args:
        params: of the run.
        run_type: ``scheduled``, ``backfill``, ``manual`` ...: runs of the schedule calculate what was touched, so that
            their own day is no order.
        partition_key: the day of a backfill's run, or of one by hand.

    Returns:
        The order; one without days and without a period is for what was touched.

    Raises:
        InputError: parameters contradict each other or cannot be read.
    """
    key = None if run_type == SCHEDULED else partition_key
    days, bounds = _days(params, key, is_backfill=run_type == BACKFILL), _bounds(params)
    return Order(
        project=params["project"] or None,
        courses=tuple(params["courses"]),
        metrics=tuple(params["metrics"]),
        versions=() if params["version"] == ALL_VERSIONS else parse_versions(params["version"], VERSIONS[0]),
        days=days,
        bounds=bounds,
        cause=params["cause"],
    )


def _days(params: Mapping[str, Any], key: str | None, *, is_backfill: bool) -> tuple[dt.date, ...]:
    date, first, last = (params[name] or None for name in DAY_NAMES)
    if key and (date or first or last or any(params[name] for name in PERIOD_NAMES)):
        owner = "A backfill names its days itself" if is_backfill else "The partition key names the day"
        raise InputError(f"{owner}; leave the days and the period of the run's parameters empty.", code="bad_range")
    if date and (first or last):
        raise InputError("Give either date, or date_from with date_to, not both.", code="conflicting_input")
    if key or date:
        return (parse_day(str(key or date)),)
    return parse_range(str(first or last), str(last or first)) if first or last else ()


def _bounds(params: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime] | None:
    from include.events.statistics.periods import parse_period

    start, end = (params[name] or None for name in PERIOD_NAMES)
    found = parse_period(start, end, ZoneInfo("UTC"), names=PERIOD_NAMES)
    if found == (None, None):
        return None
    if found[0] is None or found[1] is None:
        raise InputError("A period needs period_start and period_end.", code="bad_period", pointer="/period_start")
    return found[0], found[1]
