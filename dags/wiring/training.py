"""The steps of ``visit_model_training`` as one call each."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.policies import SCHEDULE_ZONE
from dags.wiring.runs import Run
from dags.wiring.units import counters_of
from include.days import parse_range, today_in, utc_now
from include.errors import InputError

log = logging.getLogger(__name__)

NO_LABELS = ("no_labels", "day_not_loaded")  # codes of errors that only mean: nothing to learn from yet
APPROVAL, GATE = "approval", "gate"
# What the person sees who is to approve: a line per device.
JUDGED = (
    "{% for one in ti.xcom_pull(task_ids='train_candidates')['devices'] %}"
    "- {{ one['device'] }}: {% if one['refused'] %}{{ one['refused'] }}{% else %}"
    "candidate {{ one['version'] }} from {{ one['rows'] }} visits; PR-AUC on later visits:"
    "{% for name, found in one['comparison'].items() %} {{ name }} {{ '%.3f' | format(found['pr_auc']) }}{% endfor %}. "
    "{{ one['reasons'] | join(' ') or 'Passes the gate.' }}{% endif %}\n"
    "{% endfor %}"
)


def training_days(run: Run) -> tuple[dt.date, dt.date]:
    """Days whose labelled visits a run learns from.

    Args:
        run: what the task works with.

    Returns:
        First and last day: the range of the run, or the days back from yesterday in the schedule's zone.

    Raises:
        InputError: a malformed or reversed range.
    """
    first, last = run.params.get("date_from"), run.params.get("date_to")
    if first or last:
        days = parse_range(str(first or last), str(last or first))
        return days[0], days[-1]
    yesterday = today_in(ZoneInfo(SCHEDULE_ZONE)) - dt.timedelta(days=1)
    return yesterday - dt.timedelta(days=run.params["days_back"] - 1), yesterday


def label_goal(run: Run) -> dict[str, Any]:
    """Label the days of the run by the goal it names.

    Args:
        run: what the task works with.

    Returns:
        Counts, for XCom.

    Raises:
        AirflowSkipException: the run names no goal, or no day is loaded.
        InputError: goals are not loaded.
    """
    from include.visits.labels.window_labels import Window, label_by_goal

    goal_id = run.params["label_goal"]
    if not goal_id:
        raise AirflowSkipException("The run names no goal: the labels stored so far are used.")
    (first, last), now = training_days(run), utc_now()
    window = Window(counters_of(run), first, last, run.params["within_days"], now, f"goal-{goal_id}")
    try:
        report = label_by_goal(run.stores.warehouse, run.stores.state, window, goal_id, run_id=run.run_id, now=now)
    except InputError as error:
        raise _skipped(error) from None
    counts = {name: getattr(report, name) for name in ("matched", "positive", "negative", "pending", "changed_days")}
    log.info("labels of goal %d: %s", goal_id, counts)
    return counts


def train_unit(run: Run) -> dict[str, Any]:
    """Train a candidate for each device and judge it; nothing that serves is touched.

    Args:
        run: what the task works with.

    Returns:
        The report as plain values, for XCom.

    Raises:
        AirflowSkipException: there are no labels yet.
        InputError: no device has enough labels, or a parameter is wrong.
    """
    from include.visits.training_job.orders import TrainOrder
    from include.visits.training_job.sources import TrainingData
    from include.visits.training_job.train_models import report_as_dict, train_models

    params = run.params
    first, last = training_days(run)
    sources = tuple(params["label_sources"]) or ((f"goal-{params['label_goal']}",) if params["label_goal"] else ())
    data = TrainingData(counters_of(run), first, last, sources, utc_now(), params["exclude_url"] or "")
    try:
        report = train_models(
            run.stores.warehouse,
            run.stores.state,
            TrainOrder(data, params["threshold_goal"], seed=params["seed"]),
            models_dir=run.settings.models_dir,
            run_id=run.run_id,
        )
    except InputError as error:
        raise _skipped(error) from None
    for outcome in report.devices:
        log.info("%s: %s", outcome.device, outcome.refused or " ".join(outcome.reasons) or "passes the gate")
    return report_as_dict(report)


def next_step(promote: str, report: dict[str, Any]) -> str | None:
    """Which task follows a training.

    Args:
        promote: never, gate or approval.
        report: from :func:`train_unit`.

    Returns:
        Task id; None when the candidates stay candidates.
    """
    passed = any(outcome["is_better"] for outcome in report["devices"])
    trained = any(outcome["version"] for outcome in report["devices"])
    if promote == APPROVAL and trained:
        return "approve_candidates"
    return "promote_candidates" if promote == GATE and passed else None


def promote_unit(run: Run, report: dict[str, Any]) -> list[dict[str, str]]:
    """Let candidates decide: those that passed the gate, or after an approval all of them.

    Args:
        run: what the task works with.
        report: from :func:`train_unit`.

    Returns:
        Name and version of each promoted model.
    """
    from include.visits.training_job.orders import DeviceOutcome
    from include.visits.training_job.train_models import promote_candidates

    outcomes = [DeviceOutcome(**outcome) for outcome in report["devices"]]
    done = promote_candidates(run.stores.state, outcomes, cause=run.params["promote"], run_id=run.run_id)
    return [{"name": outcome.name, "version": outcome.version} for outcome in done if outcome.is_promoted]


def _skipped(error: InputError) -> Exception:
    """Nothing to learn from yet is no failure."""
    return AirflowSkipException(error.message) if error.code in NO_LABELS else error
