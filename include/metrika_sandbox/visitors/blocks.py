"""One block of a counter-day: visits and their hits as arrays, always the same for the same seed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from include.metrika_sandbox.visitors import ids
from include.metrika_sandbox.visitors.ids import Int64Array, UInt64Array
from include.metrika_sandbox.visitors.sessions import (
    MAX_HITS,
    MAX_VISIT_SECONDS,
    Sessions,
    draw_sessions,
    start_fractions,
)
from include.metrika_sandbox.visitors.zones import day_epochs, day_number, local_seconds

BLOCK_VISITS = 10_000
EDIT_DELAYS_SECONDS = (15, 37)  # an edit adds two hits after the visit's last second
EDIT_TAIL_SECONDS = 8
RETURNING_POWER = 1.8  # > 1: some clients come much more often than others
CLIENTS_PER_DAILY_VISIT = 3
MIN_CLIENTS = 40
NEW_USER_PERCENT = 38
HEADS, SHAPES = 0, 1  # separate random streams, so that identifiers come cheap


@dataclass(frozen=True)
class DayPlan:
    """Which counter-day to make and how.

    Attributes:
        seed: the sandbox's seed.
        counter_id: the counter.
        zone: zone of its days.
        day: local day of the visits' starts.
        visit_count: visits of the whole day.
        has_midnight: visits may run into the next day.
        has_long: some visits have more than 500 hits.
        reuses_ids: visit ids depend on the date without the year.
        has_long_ids: ids have 19 or 20 digits.
    """

    seed: int
    counter_id: int
    zone: ZoneInfo
    day: dt.date
    visit_count: int
    has_midnight: bool = True
    has_long: bool = False
    reuses_ids: bool = False
    has_long_ids: bool = True

    @property
    def block_count(self) -> int:
        """Blocks of the day, 0 for an empty one."""
        return -(-self.visit_count // BLOCK_VISITS)

    @property
    def id_key(self) -> int:
        """Number that makes the ids of this sandbox and counter its own."""
        return self.seed * 1_000_003 + self.counter_id * 7919

    def make_ids(self, kind: int, numbers: Int64Array, *, has_high: bool) -> UInt64Array:
        """Ids of one kind, as this counter has them; see ``ids.make_ids``."""
        return ids.make_ids(kind, numbers, key=self.id_key, has_high=has_high, is_long=self.has_long_ids)

    def rng(self, block_number: int, stream: int) -> np.random.Generator:
        """Generator of one stream of one block."""
        return np.random.default_rng([self.seed, self.counter_id, day_number(self.day), block_number, stream])

    def block_bounds(self, block_number: int) -> tuple[int, int]:
        """Numbers of the first and one past the last visit of a block."""
        first = block_number * BLOCK_VISITS
        return first, min(first + BLOCK_VISITS, self.visit_count)

    def spilling_blocks(self) -> list[int]:
        """Blocks whose visits may still run at midnight (blocks are ordered by start)."""
        start, end = day_epochs(self.day, self.zone)
        spilling = []
        for number in range(self.block_count if self.has_midnight else 0):
            last_share = self.block_bounds(number)[1] / self.visit_count
            latest = start + float(start_fractions(np.array([last_share]))[0]) * (end - start)
            if latest + MAX_VISIT_SECONDS + sum(EDIT_DELAYS_SECONDS) * 4 >= end:
                spilling.append(number)
        return spilling


@dataclass(frozen=True)
class Heads:
    """Who visits and when: n visits of one block.

    Attributes:
        numbers: shape (n,), int64, number of the visit in the day.
        start_epochs: shape (n,), int64, Unix seconds.
        client_numbers: shape (n,), int64, number of the client in the counter's population.
        client_ids, visit_ids: shape (n,), uint64.
    """

    numbers: Int64Array
    start_epochs: Int64Array
    client_numbers: Int64Array
    client_ids: UInt64Array
    visit_ids: UInt64Array


@dataclass(frozen=True)
class Block:
    """Visits and hits of one block; hits of a visit lie side by side.

    Attributes:
        plan: the counter-day.
        heads: who and when.
        sessions: the shapes before any edit.
        durations, page_views: shape (n,), int64; seconds and pages, edits included.
        hit_owner: shape (m,), int64, place of the hit's visit in the block.
        hit_epochs: shape (m,), int64, Unix seconds.
        hit_ids: shape (m,), uint64, ``watchID``.
        hit_is_page: shape (m,), bool.
        offsets: shape (n + 1,), int64, hits of visit i are offsets[i] to offsets[i + 1].
    """

    plan: DayPlan
    heads: Heads
    sessions: Sessions
    durations: Int64Array
    page_views: Int64Array
    hit_owner: Int64Array
    hit_epochs: Int64Array
    hit_ids: UInt64Array
    hit_is_page: npt.NDArray[np.bool_]
    offsets: Int64Array

    @property
    def local_starts(self) -> Int64Array:
        """Wall-clock seconds of the visits' starts, shape (n,)."""
        return local_seconds(self.heads.start_epochs, self.plan.zone)


def draw_heads(plan: DayPlan, block_number: int) -> Heads:
    """Draw who visits and when.

    Args:
        plan: the counter-day.
        block_number: 0 to plan.block_count - 1.

    Returns:
        The heads of the block's visits.
    """
    first, last = plan.block_bounds(block_number)
    rng = plan.rng(block_number, HEADS)
    numbers = np.arange(first, last, dtype=np.int64)
    quantiles = (first + rng.random(last - first) * (last - first)) / plan.visit_count
    start, end = day_epochs(plan.day, plan.zone)
    starts = start + np.floor(start_fractions(quantiles) * (end - start - 1)).astype(np.int64)
    population = max(MIN_CLIENTS, plan.visit_count * CLIENTS_PER_DAILY_VISIT)
    clients = np.floor(population * rng.random(last - first) ** RETURNING_POWER).astype(np.int64)
    return Heads(
        numbers=numbers,
        start_epochs=starts,
        client_numbers=clients,
        client_ids=plan.make_ids(ids.CLIENT, clients, has_high=False),
        visit_ids=plan.make_ids(ids.VISIT, _dated(plan, numbers, plan.reuses_ids), has_high=True),
    )


def _dated(plan: DayPlan, numbers: Int64Array, reuses_ids: bool) -> Int64Array:
    """Visit numbers made unique over days, or over the days of one year only."""
    day = plan.day.month * 40 + plan.day.day if reuses_ids else day_number(plan.day)
    return (np.int64(day) << np.int64(ids.VISIT_BITS)) + numbers


def make_block(plan: DayPlan, block_number: int, edited: Int64Array) -> Block:
    """Make one block of a counter-day.

    Args:
        plan: the counter-day.
        block_number: 0 to plan.block_count - 1.
        edited: shape (k,), int64, numbers of visits that changed since the day ended, once per edit.

    Returns:
        The block; the unedited visits are the same with any edits.
    """
    heads = draw_heads(plan, block_number)
    count = len(heads.numbers)
    sessions = draw_sessions(plan.rng(block_number, SHAPES), count, has_long=plan.has_long)
    owner = np.repeat(np.arange(count, dtype=np.int64), sessions.hit_counts)
    delays = _before_midnight(plan, heads, owner, sessions.hit_delays)
    span = np.zeros(count, dtype=np.int64)
    np.maximum.at(span, owner, delays)
    durations = span + sessions.tail_seconds
    places = np.arange(len(owner)) - np.repeat(
        np.cumsum(sessions.hit_counts) - sessions.hit_counts, sessions.hit_counts
    )
    is_page = sessions.is_page_view
    first, last = plan.block_bounds(block_number)
    inside = edited[(edited >= first) & (edited < last)] - first
    if len(inside):
        owner, delays, places, is_page, durations = _apply_edits(
            inside, owner, delays, places, is_page, durations, sessions
        )
    numbers = (_dated(plan, heads.numbers, False)[owner] << np.int64(ids.HIT_BITS)) + places
    return Block(
        plan=plan,
        heads=heads,
        sessions=sessions,
        durations=durations,
        page_views=np.bincount(owner, weights=is_page, minlength=count).astype(np.int64),
        hit_owner=owner,
        hit_epochs=heads.start_epochs[owner] + delays,
        hit_ids=plan.make_ids(ids.HIT, numbers, has_high=True),
        hit_is_page=is_page,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))]).astype(np.int64),
    )


def _before_midnight(plan: DayPlan, heads: Heads, owner: Int64Array, delays: Int64Array) -> Int64Array:
    if plan.has_midnight:
        return delays
    last_second = day_epochs(plan.day, plan.zone)[1] - 1
    return np.minimum(delays, last_second - heads.start_epochs[owner])


def _apply_edits(
    edited: Int64Array,
    owner: Int64Array,
    delays: Int64Array,
    places: Int64Array,
    is_page: npt.NDArray[np.bool_],
    durations: Int64Array,
    sessions: Sessions,
) -> tuple[Int64Array, Int64Array, Int64Array, npt.NDArray[np.bool_], Int64Array]:
    """Add two later hits to each edited visit, once per edit; the visit grows longer."""
    counts = sessions.hit_counts.copy()
    durations = durations.copy()
    for visit in edited.tolist():
        if counts[visit] + len(EDIT_DELAYS_SECONDS) > MAX_HITS:
            continue
        extra = durations[visit] + np.array(EDIT_DELAYS_SECONDS, dtype=np.int64)
        owner = np.concatenate([owner, np.full(len(extra), visit, dtype=np.int64)])
        delays = np.concatenate([delays, extra])
        places = np.concatenate([places, counts[visit] + np.arange(len(extra))])
        is_page = np.concatenate([is_page, np.ones(len(extra), dtype=np.bool_)])
        counts[visit] += len(extra)
        durations[visit] = extra[-1] + EDIT_TAIL_SECONDS
    order = np.argsort(owner, kind="stable")
    return owner[order], delays[order], places[order], is_page[order], durations
