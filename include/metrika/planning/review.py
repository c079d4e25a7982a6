"""How far off a plan was: its figures against what the loads of its days took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from include.metrika.loading.load_job import SOURCES
from include.metrika.loading.phases import PHASES, QUEUE
from include.metrika.planning.history import SCORES, UPLOAD, History, PastOrder, Stage, days_between, read_history
from include.metrika.planning.requests_used import (
    UPLOAD_REQUESTS,
    count_load_requests,
    count_polls,
    count_scheduled_requests,
)
from include.metrika.planning.sizes import SCORING, UPLOADING
from include.metrika.planning.stored_plans import StoredPlan
from include.metrika.planning.totals import QUANTITIES, TOTAL_SECONDS
from include.settings import MetrikaSettings
from include.warehouse.client import Warehouse

COMMAND_RUN = "command_"  # how runs begin that no scheduler made


@dataclass(frozen=True)
class Comparison:
    """One quantity of a plan and what it really was, over the days that are done.

    Attributes:
        name: the quantity, see QUANTITIES.
        planned: the plan's figure of these days.
        actual: what it was.
    """

    name: str
    planned: float
    actual: float

    @property
    def error_percent(self) -> float | None:
        """By how much the plan was above (or below, negative) the truth; None when there was nothing."""
        return round(100 * (self.planned / self.actual - 1), 1) if self.actual else None


@dataclass(frozen=True)
class Review:
    """A plan held against what happened.

    Attributes:
        plan_id: the plan.
        counter_id: the counter.
        planned_days: days that were to be loaded.
        loaded_days: of them, loaded since.
        comparisons: by quantity.
    """

    plan_id: str
    counter_id: int
    planned_days: int
    loaded_days: int
    comparisons: tuple[Comparison, ...]


def review_plan(warehouse: Warehouse, state: Engine, plan: StoredPlan, settings: MetrikaSettings) -> Review:
    """Compare a plan with the days that were loaded, scored and uploaded since.

    Args:
        warehouse: ClickHouse.
        state: PostgreSQL.
        plan: the plan of one counter.
        settings: pauses between questions, to count the requests of a queue.

    Returns:
        The comparison; each step over the days it has finished.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    history = read_history(warehouse, state, plan.counter_id)
    figures = {dt.date.fromisoformat(day): one for day, one in plan.estimate["figures"].items()}
    done = {
        stage: days_between(history.of(stage), tuple(figures), plan.planned_at)
        for stage in (SOURCES[0], SCORES, UPLOAD)
    }
    scheduled = {day for day in done[SOURCES[0]] if _is_scheduled(history.of(SOURCES[0])[day])}
    planned, actual = _planned(figures, done, scheduled), _actual(history, done, settings)
    rows = tuple(Comparison(name, planned[name], actual[name]) for name in QUANTITIES)
    return Review(plan.plan_id, plan.counter_id, len(figures), len(done[SOURCES[0]]), rows)


def add_reviews(reviews: Sequence[Review]) -> tuple[Comparison, ...]:
    """The comparisons of all counters together.

    Args:
        reviews: one per counter.

    Returns:
        A comparison per quantity.
    """
    found = [{one.name: one for one in review.comparisons} for review in reviews]
    return tuple(
        Comparison(name, sum(one[name].planned for one in found), sum(one[name].actual for one in found))
        for name in QUANTITIES
    )


def _planned(
    figures: Mapping[dt.date, Mapping[str, Any]], done: Mapping[str, Sequence[dt.date]], scheduled: Collection[dt.date]
) -> dict[str, float]:
    def total(days: Iterable[dt.date], name: str) -> float:
        """The plan's figure over some days."""
        return sum(float(figures[day][name]) for day in days)

    def seconds(days: Iterable[dt.date], step: str) -> float:
        """The plan's seconds over some days."""
        return sum(float(figures[day]["seconds"][step]) for day in days)

    loaded, scored, sent = (done[stage] for stage in (SOURCES[0], SCORES, UPLOAD))
    found = {name: total(loaded, name) for name in ("visits", "hits", "parts", "download_bytes", "raw_bytes")}
    found["derived_bytes"] = total(scored, "derived_bytes")
    ways = ("scheduled_requests" if day in scheduled else "requests" for day in loaded)
    found["requests"] = sum(figures[day][way] for day, way in zip(loaded, ways, strict=True))
    found["requests"] -= UPLOAD_REQUESTS * (len(loaded) - len(sent))
    found |= {f"{step}_seconds": seconds(loaded, step) for step in PHASES}
    found |= {f"{SCORING}_seconds": seconds(scored, SCORING), f"{UPLOADING}_seconds": seconds(sent, UPLOADING)}
    return found | {TOTAL_SECONDS: sum(value for name, value in found.items() if name.endswith("_seconds"))}


def _actual(history: History, done: Mapping[str, Sequence[dt.date]], settings: MetrikaSettings) -> dict[str, float]:
    loaded, scored, sent = (done[stage] for stage in (SOURCES[0], SCORES, UPLOAD))
    loads = [one for one in history.loads() if one.day in loaded]
    runs = {history.of(SOURCES[0])[day].run_id for day in loaded}
    orders = [order for order in history.orders if order.run_id in runs]
    found: dict[str, float] = {
        source: sum(history.of(source)[day].counts["stored"] for day in loaded) for source in SOURCES
    }
    found["parts"] = sum(order.part_count for order in orders)
    found["download_bytes"] = sum(order.size_bytes for order in orders)
    found["raw_bytes"] = sum(history.disk[day].raw_bytes for day in loaded if day in history.disk)
    found["derived_bytes"] = sum(history.disk[day].derived_bytes for day in scored if day in history.disk)
    found["requests"] = sum(_requests_of(load, orders, loads, settings) for load in loads)
    found["requests"] += UPLOAD_REQUESTS * len(sent)
    found |= {f"{step}_seconds": sum(one.details["seconds"][step] for one in loads) for step in PHASES}
    found[f"{SCORING}_seconds"] = sum(history.of(SCORES)[day].seconds for day in scored)
    found[f"{UPLOADING}_seconds"] = sum(history.of(UPLOAD)[day].seconds for day in sent)
    return found | {TOTAL_SECONDS: sum(value for name, value in found.items() if name.endswith("_seconds"))}


def _is_scheduled(load: Stage) -> bool:
    return not load.run_id.startswith(COMMAND_RUN)


def _requests_of(load: Stage, orders: Sequence[PastOrder], loads: Sequence[Stage], settings: MetrikaSettings) -> int:
    """Counted from what the load ordered and how long it waited; several loads of a run in equal shares."""
    own = [order for order in orders if order.run_id == load.run_id]
    load_count = sum(one.run_id == load.run_id for one in loads)
    order_count, part_count = len(own) / load_count, sum(order.part_count for order in own) / load_count
    queue_seconds = load.details["seconds"][QUEUE]
    if _is_scheduled(load):
        return count_scheduled_requests(order_count, part_count, queue_seconds)
    return count_load_requests(order_count, part_count, count_polls(queue_seconds, settings))
