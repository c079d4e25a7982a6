"""``plan``: what a backfill will take, and afterwards how far off that was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from include.commands.plan_words import amount_rows, command_lines, counter_rows, review_rows, verdict_lines
from include.commands.terminal import (
    CounterOption,
    JsonOption,
    counters_of,
    guarded,
    new_run_id,
    settings_here,
    show,
    shown_progress,
)
from include.days import parse_range
from include.errors import InputError
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.loading.load_job import open_load
from include.metrika.planning.history import free_disk_bytes
from include.metrika.planning.plan_backfill import plan_counters
from include.metrika.planning.review import Review, add_reviews, review_plan
from include.metrika.planning.stored_plans import StoredPlan, earlier_plan, find_plan, store_plan
from include.metrika.planning.totals import sum_totals
from include.metrika.planning.verdict import judge
from include.progress import Progress
from include.services.stores import Stores, open_stores
from include.settings import Settings

FromOption = Annotated[str, typer.Option("--from", help="First day of the backfill, YYYY-MM-DD.")]
ToOption = Annotated[str, typer.Option("--to", help="Last day of the backfill, YYYY-MM-DD.")]
ReviewOption = Annotated[bool, typer.Option("--review", help="Compare a plan with what its days really took.")]
PlanArgument = Annotated[str, typer.Argument(help="With --review: id of a plan, or its beginning; else the newest.")]


@guarded
def plan(
    plan_id: PlanArgument = "",
    first: FromOption = "",
    last: ToOption = "",
    counter: CounterOption = None,
    review: ReviewOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what loading a range of days will take, before it starts; loads nothing.

    Args:
        plan_id: with --review, the plan to look at.
        first: first day, YYYY-MM-DD.
        last: last day, YYYY-MM-DD.
        counter: one counter; all of METRIKA_COUNTER when absent.
        review: compare instead of plan.
        as_json: print one line of JSON.
    """
    if review == bool(first or last) or (plan_id and not review):
        raise InputError("Give --from and --to to make a plan, or --review to look back at one.", code="bad_period")
    settings = settings_here()
    if review:
        stores = open_stores(settings)
        _show_review(_reviews(stores, settings, find_plan(stores.state, plan_id)), as_json=as_json)
        return
    days = parse_range(first, last)
    counter_ids = counters_of(settings, counter)
    stores = open_stores(settings)
    with shown_progress() as progress:
        result = _make_plan(stores, settings, counter_ids, days, progress)
    named = counter_ids if counter else ()
    result["commands"] = command_lines(
        result["pieces"], named, is_again=any(one["days"]["again"] for one in result["counters"])
    )
    reviews = _reviews(stores, settings, earlier_plan(stores.state, counter_ids, days, result["plan_id"]))
    result["reviews"] = [_review_json(one) for one in reviews if one.loaded_days]
    _show_plan(result, as_json=as_json)


def _make_plan(
    stores: Stores, settings: Settings, counter_ids: Sequence[int], days: Sequence[dt.date], progress: Progress
) -> dict[str, Any]:
    gate = StateQuotaGate.for_settings(stores.state, settings.metrika)
    try:
        api = LogsApi(MetrikaSession(settings.metrika, gate))
        jobs = [
            open_load(
                stores.warehouse, stores.state, api, settings.metrika,
                counter_id=counter_id, run_id=new_run_id("plan"), days=days[:1], progress=progress,
            )
            for counter_id in counter_ids
        ]  # fmt: skip
        plans = plan_counters(jobs, days)
    finally:
        gate.close()
    verdict = judge(plans, free_disk_bytes(stores.warehouse))
    return {
        "plan_id": store_plan(stores.state, plans, days),
        "from": days[0],
        "to": days[-1],
        "counters": [one.as_dict() for one in plans],
        "totals": {name: asdict(amount) for name, amount in sum_totals([one.totals for one in plans]).items()},
        **asdict(verdict),
        "pieces": [[piece[0], piece[-1]] for piece in verdict.pieces],
    }


def _reviews(stores: Stores, settings: Settings, plans: Sequence[StoredPlan]) -> list[Review]:
    return [review_plan(stores.warehouse, stores.state, one, settings.metrika) for one in plans]


def _review_json(review: Review) -> dict[str, Any]:
    rows = [{**asdict(one), "error_percent": one.error_percent} for one in review.comparisons]
    return {**asdict(review), "comparisons": rows}


def _show_review(reviews: Sequence[Review], *, as_json: bool) -> None:
    together = add_reviews(reviews)
    result = {
        "plan_id": reviews[0].plan_id,
        "planned_days": sum(one.planned_days for one in reviews),
        "loaded_days": sum(one.loaded_days for one in reviews),
        "quantities": [{**asdict(one), "error_percent": one.error_percent} for one in together],
        "counters": [_review_json(one) for one in reviews],
    }
    title = f"Plan {reviews[0].plan_id[:8]}: {result['loaded_days']} of {result['planned_days']} counter-days loaded"
    show(result, as_json=as_json, title=title, rows=review_rows(together))


def _show_plan(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(result, as_json=True, title="")
        return
    show({}, as_json=False, title=f"Days {result['from']} to {result['to']}", rows=counter_rows(result["counters"]))
    show({}, as_json=False, title="The days to load take", rows=amount_rows(result["totals"]))
    for line in verdict_lines(result):
        print(line)
    for line in result["commands"]:
        print(f"  {line}")
    for one in result["reviews"]:
        print(f"Days of an earlier plan are loaded; see: python -m include plan --review {one['plan_id'][:8]}")
