"""Seeded traffic: any day of any counter, made block by block and never held whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from include.days import iter_days
from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.columns.fields import HIT_FIELDS, VISIT_FIELDS, VISITS
from include.metrika_sandbox.traffic.source import Edits, Label, RowBlock, VisitHeads, empty_numbers
from include.metrika_sandbox.visitors.blocks import Block, DayPlan, draw_heads, make_block
from include.metrika_sandbox.visitors.ids import Int64Array
from include.metrika_sandbox.visitors.sessions import ENGAGED
from include.metrika_sandbox.visitors.views import HitView, VisitView, click_ids, purchase_ids, user_ids
from include.metrika_sandbox.visitors.zones import day_number

SHUFFLE, EDIT = 7, 11  # random streams beside those of the blocks
EXACT_COUNT_VISITS = 20_000  # below this the rows of a day are counted exactly, above from two blocks


@dataclass(frozen=True)
class VisitRows:
    """Visits of one block as rows."""

    view: VisitView

    @property
    def row_count(self) -> int:
        """Number of visits."""
        return len(self.view.block.heads.numbers)

    def column(self, field_name: str, dialect: Dialect) -> list[str]:
        """One field of every visit."""
        return VISIT_FIELDS[field_name].render(self.view, dialect)

    def dates(self) -> list[str]:
        """Local day of every visit."""
        return self.column("ym:s:date", Dialect())


@dataclass(frozen=True)
class HitRows:
    """Chosen hits of one block as rows."""

    view: HitView

    @property
    def row_count(self) -> int:
        """Number of hits."""
        return len(self.view.places)

    def column(self, field_name: str, dialect: Dialect) -> list[str]:
        """One field of every hit."""
        return HIT_FIELDS[field_name].render(self.view, dialect)

    def dates(self) -> list[str]:
        """Local day of every hit."""
        return self.column("ym:pv:date", Dialect())


class SeededTraffic:
    """Traffic made from the seed; days, blocks and edits can be made in any order.

    Args:
        config: seed, counters and sizes.
        faults: gives the switches in force now; some of them shape the data.
    """

    def __init__(self, config: SandboxConfig, faults: Callable[[], Faults]) -> None:
        self._config = config
        self._faults = faults

    def plan(self, counter_id: int, day: dt.date) -> DayPlan:
        """The plan of one counter-day under the switches in force."""
        faults = self._faults()
        counter = self._config.counter(counter_id)
        assert counter is not None, "the server checks the counter first"
        return DayPlan(
            seed=self._config.seed,
            counter_id=counter_id,
            zone=counter.zone,
            day=day,
            visit_count=self._config.visits_of(counter_id, day),
            has_midnight=faults.midnight_visits,
            has_long=faults.long_visits,
            reuses_ids=faults.reused_visit_ids,
            has_long_ids="long_ids" in faults.extras,
        )

    def row_estimate(self, source: str, counter_id: int, first: dt.date, last: dt.date) -> int:
        """About how many rows a log has: exact for small days, from two blocks for large ones."""
        return sum(self._day_rows(source, self.plan(counter_id, day)) for day in iter_days(first, last))

    def _day_rows(self, source: str, plan: DayPlan) -> int:
        if source == VISITS or not plan.visit_count:
            return plan.visit_count
        blocks = range(plan.block_count) if plan.visit_count <= EXACT_COUNT_VISITS else (0, plan.block_count // 2)
        made = [make_block(plan, number, empty_numbers()) for number in blocks]
        hits = sum(len(block.hit_ids) for block in made)
        return int(hits * plan.visit_count / sum(len(block.heads.numbers) for block in made))

    def iter_blocks(
        self, source: str, counter_id: int, first: dt.date, last: dt.date, edits: Edits
    ) -> Iterator[RowBlock]:
        """Every row of the range, block by block, blocks in shuffled order."""
        if source == VISITS:
            for block in self._iter_days(counter_id, first, last, edits):
                yield VisitRows(VisitView(block))
            return
        before = self.plan(counter_id, first - dt.timedelta(days=1))
        edited = edits.get(before.day, empty_numbers())
        for number in before.spilling_blocks():
            yield from _hit_rows(make_block(before, number, edited), first, last)
        for block in self._iter_days(counter_id, first, last, edits):
            yield from _hit_rows(block, first, last)

    def _iter_days(self, counter_id: int, first: dt.date, last: dt.date, edits: Edits) -> Iterator[Block]:
        for day in iter_days(first, last):
            plan = self.plan(counter_id, day)
            edited = edits.get(day, empty_numbers())
            for number in plan.rng(0, SHUFFLE).permutation(plan.block_count).tolist():
                yield make_block(plan, number, edited)

    def iter_heads(self, counter_id: int, day: dt.date) -> Iterator[VisitHeads]:
        """The identifiers of a day's visits, block by block."""
        plan = self.plan(counter_id, day)
        for number in range(plan.block_count):
            heads = draw_heads(plan, number)
            yield VisitHeads(
                start_epochs=heads.start_epochs,
                client_ids=heads.client_ids,
                user_ids=partial(user_ids, heads),
                click_ids=partial(click_ids, heads),
                purchase_ids=partial(purchase_ids, heads),
            )

    def iter_labels(self, counter_id: int, day: dt.date) -> Iterator[Label]:
        """Which visits belong to high-activity visitors."""
        plan = self.plan(counter_id, day)
        for number in range(plan.block_count):
            block = make_block(plan, number, empty_numbers())
            is_engaged = (block.sessions.kinds == ENGAGED).astype(np.int64)
            pairs = zip(block.heads.visit_ids.tolist(), is_engaged.tolist(), strict=True)
            yield from (Label(visit_id, label) for visit_id, label in pairs)

    def edit(self, counter_id: int, day: dt.date, visit_count: int, round_number: int) -> Int64Array:
        """Choose distinct visits of a day, the same for the same round in every process."""
        plan = self.plan(counter_id, day)
        wanted = min(visit_count, plan.visit_count)
        rng = np.random.default_rng([plan.seed, counter_id, day_number(day), round_number, EDIT])
        chosen: dict[int, None] = {}
        while len(chosen) < wanted:
            chosen.update(dict.fromkeys(rng.integers(0, plan.visit_count, wanted).tolist()))
        return np.array(list(chosen)[:wanted], dtype=np.int64)


def _hit_rows(block: Block, first: dt.date, last: dt.date) -> Iterator[HitRows]:
    view = HitView.of_days(block, first, last)
    if len(view.places):
        yield HitRows(view)
