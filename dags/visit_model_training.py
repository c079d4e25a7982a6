"""
### Models of visits

Trains a candidate for desktops and one for phones from labelled visits, holds each against the version that decides
now on later days, and lets it decide when asked to.

| | |
|---|---|
| Schedule | every Monday at 06:30 (zone of COUNTERFLOW_SCHEDULE_ZONE) |
| Reads | ClickHouse tables `visits`, `hits` and `visit_labels`; models in production |
| Writes | candidates with their cards in the model registry; `visit_labels` when a goal is named |
| Answers | analytics |

**Parameters.** `days_back`: how many days before today to learn from (default 28). `date_from` with `date_to`: a range
instead. `counters`: counter ids (default: all). `label_goal`: a Metrika goal by which the days are labelled first
(default none: labels imported with `visits label` are used). `within_days`: days after a visit's start in which the
goal counts (default 0: in the visit). `label_sources`: sources in order of trust (default: the goal, or the only source
there is). `exclude_url`: regular expression of pages that are the label themselves. `threshold_goal`: `seed`,
`precision=0.6` or `top-share=0.1` (default seed). `promote`: `never`, `gate` (candidates that pass it decide from now
on) or `approval` (a person decides on page Required Actions; default never). `seed`: of everything random (default 0).

**Again.** The same labels and seed give the same versions; nothing is registered twice. What decides changes in the
last step only, so a run that fails or is killed leaves it alone. `models rollback` goes back.

**Trouble.** Without labels the run is skipped and says so. Too few labels fail with the number that is needed. A goal
needs `ym:s:goalsID` and `ym:s:goalsDateTime` in METRIKA_VISIT_FIELDS.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, dag, task

from dags.wiring.policies import DAG_DEFAULTS, SCHEDULE_ZONE, day_params
from dags.wiring.runs import open_run
from dags.wiring.training import JUDGED, label_goal, next_step, promote_unit, train_unit

TEXT: dict[str, Any] = {"type": ["null", "string"]}


@dag(
    schedule=CronTriggerTimetable("30 6 * * 1", timezone=SCHEDULE_ZONE),
    doc_md=__doc__,
    tags=["visits", "weekly"],
    params={
        "days_back": Param(28, type="integer", minimum=1, maximum=366, title="Days back", description="To learn from."),
        **{name: param for name, param in day_params().items() if name != "date"},
        "label_goal": Param(None, type=["null", "integer"], minimum=1, title="Label goal", description="Metrika goal."),
        "within_days": Param(0, type="integer", minimum=0, maximum=92, title="Within days", description="Of the goal."),
        "label_sources": Param(
            [], type="array", items={"type": "string"}, title="Label sources", description="In order of trust."
        ),
        "exclude_url": Param(None, title="Exclude pages", description="Regular expression.", **TEXT),
        "threshold_goal": Param(
            "seed", type="string", title="Threshold goal", description="seed, precision=0.6 or top-share=0.1."
        ),
        "promote": Param(
            "never", type="string", enum=["never", "gate", "approval"], title="Promote", description="What may decide."
        ),
        "seed": Param(0, type="integer", minimum=0, title="Seed", description="Same rows and seed, same model."),
    },
    **(DAG_DEFAULTS | {"max_active_runs": 1}),
)
def visit_model_training() -> None:
    """Label if asked, train, judge, promote if asked."""

    @task
    def label_visits() -> dict[str, Any]:
        with open_run() as run:
            return label_goal(run)

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def train_candidates() -> dict[str, Any]:
        with open_run() as run:
            return train_unit(run)

    @task.branch
    def choose_promotion(report: dict[str, Any], params: Any = None) -> str | None:
        return next_step(params["promote"], report)

    @task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    def promote_candidates(report: dict[str, Any]) -> list[dict[str, str]]:
        with open_run() as run:
            return promote_unit(run, report)

    approve_candidates = ApprovalOperator(
        task_id="approve_candidates",
        subject="Let the candidates of this training decide?",
        body=JUDGED,
        execution_timeout=None,  # a person may take days
        fail_on_reject=False,
    )
    report = train_candidates()
    promoted = promote_candidates(report)
    label_visits() >> report
    choose_promotion(report) >> [approve_candidates, promoted]
    approve_candidates >> promoted


visit_model_training()
