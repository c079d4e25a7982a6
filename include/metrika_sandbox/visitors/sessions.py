"""How visits look: kinds of visitors, lengths, pauses with heavy tails, devices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.metrika_sandbox.visitors.ids import Int64Array

MAX_PAUSE_SECONDS = 1799  # a longer one would start a new visit (visit time-out 1800 s)
MAX_VISIT_SECONDS = 3 * 3600
MAX_HITS = 1000
LONG_VISIT_HITS = 501
LONG_VISIT_EVERY = 250

# Kinds of visitors. ENGAGED is the truth behind the label; READER leaves the page open, ROBOT clicks
# evenly and fast: both look busy in one measure only.
NO_HITS, BOUNCE, CASUAL, READER, ENGAGED, ROBOT = range(6)
KIND_SHARES = np.array([0.015, 0.345, 0.455, 0.09, 0.08, 0.015])
HITS_MEDIAN = np.array([0.0, 1.2, 4.2, 2.7, 18.0, 26.0])
HITS_SPREAD = np.array([0.0, 0.35, 0.6, 0.5, 0.65, 0.4])  # sigma of the logarithm
PAUSE_MEDIAN_SECONDS = np.array([1.0, 8.0, 21.0, 150.0, 13.0, 1.2])
PAUSE_SPREAD = np.array([0.1, 0.9, 1.0, 1.1, 0.85, 0.15])
LONG_PAUSE_SHARE = 0.035  # pauses with a Pareto tail: a phone call, a coffee

# "1" desktop, "2" phone, "3" tablet, "4" TV, 0 stands for an empty device
DEVICE_SHARES = np.array([0.025, 0.43, 0.49, 0.04, 0.015])
PHONE = 2
HOUR_WEIGHTS = np.array(
    [14, 9, 6, 4, 4, 6, 12, 24, 38, 50, 56, 58, 58, 57, 56, 55, 55, 57, 60, 64, 66, 60, 44, 26], dtype=float
)


@dataclass(frozen=True)
class Sessions:
    """The shapes of n visits and their m hits, hits of a visit side by side.

    Attributes:
        kinds: shape (n,), int64, kind of visitor.
        devices: shape (n,), int64, 0 to 4.
        hit_counts: shape (n,), int64.
        hit_delays: shape (m,), int64, seconds from the visit's start.
        is_page_view: shape (m,), bool.
        tail_seconds: shape (n,), int64, time on the page after the last hit.
    """

    kinds: Int64Array
    devices: Int64Array
    hit_counts: Int64Array
    hit_delays: Int64Array
    is_page_view: npt.NDArray[np.bool_]
    tail_seconds: Int64Array


def start_fractions(quantiles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place visits in the day by the hour curve.

    Args:
        quantiles: shape (n,), 0 to 1: share of the day's visits that start earlier.

    Returns:
        Shape (n,), share of the day (0-1) at which each visit starts.
    """
    edges = np.concatenate([[0.0], np.cumsum(HOUR_WEIGHTS) / HOUR_WEIGHTS.sum()])
    return np.interp(quantiles, edges, np.linspace(0.0, 1.0, len(edges)))


def _hit_counts(rng: np.random.Generator, kinds: Int64Array, devices: Int64Array, *, has_long: bool) -> Int64Array:
    noise = rng.standard_normal(len(kinds))
    phone = np.where(devices == PHONE, 0.85, 1.0)
    drawn = np.rint(HITS_MEDIAN[kinds] * phone * np.exp(noise * HITS_SPREAD[kinds]))
    counts = np.clip(drawn, np.where(kinds == NO_HITS, 0, 1), MAX_HITS // 2).astype(np.int64)
    if has_long:
        places = np.arange(len(kinds))
        is_long = places % LONG_VISIT_EVERY == min(17, len(kinds) - 1)
        counts = np.where(is_long, LONG_VISIT_HITS + places % 97, counts)
    return np.asarray(counts, dtype=np.int64)


def _delays(rng: np.random.Generator, kinds: Int64Array, devices: Int64Array, counts: Int64Array) -> Int64Array:
    """Seconds from the visit's start to each hit."""
    owner = np.repeat(np.arange(len(kinds)), counts)
    kind = kinds[owner]
    phone = np.where(devices[owner] == PHONE, 0.8, 1.0)
    pauses = PAUSE_MEDIAN_SECONDS[kind] * phone * np.exp(rng.standard_normal(len(owner)) * PAUSE_SPREAD[kind])
    has_tail = rng.random(len(owner)) < LONG_PAUSE_SHARE
    pauses = np.where(has_tail & (kind != ROBOT), pauses * (1 + rng.pareto(1.2, len(owner))), pauses)
    seconds = np.minimum(pauses, MAX_PAUSE_SECONDS).astype(np.int64)
    firsts = np.cumsum(counts) - counts
    has_hits = counts > 0
    seconds[firsts[has_hits]] = rng.integers(0, 4, int(has_hits.sum())) // 2  # the first hit may trail the start
    total = np.cumsum(seconds)
    before = np.zeros(len(kinds), dtype=np.int64)
    before[has_hits] = (total - seconds)[firsts[has_hits]]
    return np.asarray(np.minimum(total - before[owner], MAX_VISIT_SECONDS), dtype=np.int64)


def draw_sessions(rng: np.random.Generator, visit_count: int, *, has_long: bool) -> Sessions:
    """Draw the shapes of a block of visits.

    Args:
        rng: generator of this block; the same state gives the same block.
        visit_count: visits to draw, >= 0.
        has_long: put visits of more than 500 hits among them.

    Returns:
        The shapes.
    """
    kinds = np.searchsorted(np.cumsum(KIND_SHARES), rng.random(visit_count) * KIND_SHARES.sum(), side="right")
    kinds = np.minimum(kinds, ROBOT).astype(np.int64)
    devices = np.searchsorted(np.cumsum(DEVICE_SHARES), rng.random(visit_count), side="right")
    devices = np.minimum(devices, len(DEVICE_SHARES) - 1).astype(np.int64)
    counts = _hit_counts(rng, kinds, devices, has_long=has_long)
    delays = _delays(rng, kinds, devices, counts)
    is_page_view = rng.random(len(delays)) < 0.62
    is_page_view[(np.cumsum(counts) - counts)[counts > 0]] = True
    tail = np.where(kinds <= BOUNCE, 0, rng.exponential(9.0, visit_count)).astype(np.int64)
    return Sessions(kinds, devices, counts, delays, is_page_view, tail)
