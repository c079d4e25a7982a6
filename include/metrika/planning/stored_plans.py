"""Plans as the state keeps them: one row per plan and counter."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, String, cast, select

from include.days import utc_now
from include.errors import InputError
from include.metrika.planning.plan_backfill import CounterPlan
from include.state.engine import reachable
from include.state.tables import backfill_plans


@dataclass(frozen=True)
class StoredPlan:
    """The part of a plan that is about one counter.

    Attributes:
        plan_id: id of the whole plan.
        counter_id: the counter.
        first_day: first day asked for.
        last_day: last day asked for.
        estimate: the plan as JSON holds it.
        planned_at: aware UTC.
    """

    plan_id: str
    counter_id: int
    first_day: dt.date
    last_day: dt.date
    estimate: Mapping[str, Any]
    planned_at: dt.datetime


def store_plan(state: Engine, plans: Sequence[CounterPlan], days: Sequence[dt.date]) -> str:
    """Keep a plan, to hold it against what the backfill took.

    Args:
        state: the state engine.
        plans: one per counter.
        days: days asked for.

    Returns:
        Its id.
    """
    plan_id, now = str(uuid.uuid4()), utc_now()
    rows = [
        {
            "plan_id": plan_id,
            "counter_id": plan.counter_id,
            "first_day": days[0],
            "last_day": days[-1],
            "estimate": plan.as_dict(),
            "planned_at": now,
        }
        for plan in plans
    ]
    with reachable(state), state.begin() as connection:
        connection.execute(backfill_plans.insert(), rows)
    return plan_id


def find_plan(state: Engine, plan_id: str = "") -> list[StoredPlan]:
    """Find a plan again.

    Args:
        state: the state engine.
        plan_id: its id or the beginning of it; empty for the newest plan that had anything to load.

    Returns:
        Its counters in order.

    Raises:
        InputError: there is no such plan, or several begin so (code ``unknown_plan``).
    """
    c = backfill_plans.c
    query = select(backfill_plans).order_by(c.planned_at.desc(), c.counter_id)
    if plan_id:
        query = query.where(cast(c.plan_id, String).startswith(plan_id.lower(), autoescape=True))
    found = [plan for plan in _read(state, query) if plan_id or plan.estimate["figures"]]
    ids = list(dict.fromkeys(plan.plan_id for plan in found))
    if not ids or (plan_id and len(ids) > 1):
        named = f"begins with {plan_id!r}" if plan_id else "was made yet"
        many = "More than one plan" if ids else "No plan"
        raise InputError(
            f"{many} {named}; make one with 'python -m include plan --from D --to D', or give a whole id.",
            code="unknown_plan",
            pointer="/plan_id",
        )
    return [plan for plan in found if plan.plan_id == ids[0]]


def earlier_plan(state: Engine, counter_ids: Sequence[int], days: Sequence[dt.date], but: str) -> list[StoredPlan]:
    """The newest plan of the same days with anything to load, by counter.

    Args:
        state: the state engine.
        counter_ids: counters that count.
        days: days asked for.
        but: id of the plan that is being made.

    Returns:
        A plan per counter that has one.
    """
    c = backfill_plans.c
    query = (
        select(backfill_plans)
        .where(c.first_day == days[0], c.last_day == days[-1], c.counter_id.in_(list(counter_ids)), c.plan_id != but)
        .order_by(c.planned_at)
    )
    newest = {plan.counter_id: plan for plan in _read(state, query) if plan.estimate["figures"]}
    return [newest[counter_id] for counter_id in counter_ids if counter_id in newest]


def _read(state: Engine, query: Any) -> list[StoredPlan]:
    with reachable(state), state.connect() as connection:
        return [StoredPlan(**dict(row)) for row in connection.execute(query).mappings()]
