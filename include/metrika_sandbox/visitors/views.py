"""A block seen as visits or as hits: the values that several columns share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from include.metrika_sandbox.visitors.blocks import NEW_USER_PERCENT, Block, Heads
from include.metrika_sandbox.visitors.ids import Int64Array, UInt64Array, spread, to_text
from include.metrika_sandbox.visitors.zones import DAY_SECONDS, ObjectArray, day_number, local_seconds

USER_EVERY = 10  # every tenth client has logged in
CLICK_EVERY = 12  # every twelfth visit comes from an advertisement
PURCHASE_EVERY = 40
USER_SALT, CLICK_SALT, PURCHASE_SALT, NEW_SALT = 1, 2, 3, 4


def user_ids(heads: Heads) -> list[str]:
    """UserId of each visit, empty for visitors who never logged in."""
    return [f"user{number}" if number % USER_EVERY == 0 else "" for number in heads.client_numbers.tolist()]


def click_ids(heads: Heads) -> list[str]:
    """Yclid of each visit, empty without an ad click."""
    has_click = spread(heads.visit_ids, CLICK_SALT, CLICK_EVERY) == 0
    clicks = heads.visit_ids % np.uint64(10**18) + np.uint64(10**18)
    return [text if flag else "" for text, flag in zip(to_text(clicks), has_click.tolist(), strict=True)]


def purchase_counts(heads: Heads) -> Int64Array:
    """Purchases of each visit: mostly none, sometimes two; shape (n,)."""
    place = spread(heads.visit_ids, PURCHASE_SALT, PURCHASE_EVERY)
    twice = spread(heads.visit_ids, PURCHASE_SALT + 100, 4) == 0
    return np.where(place == 0, np.where(twice, 2, 1), 0).astype(np.int64)


def purchase_id_lists(heads: Heads) -> list[list[str]]:
    """PurchaseIds of each visit, unique inside the visit."""
    pairs = zip(heads.visit_ids.tolist(), purchase_counts(heads).tolist(), strict=True)
    return [[f"order-{visit_id}-{place}" for place in range(count)] for visit_id, count in pairs]


def purchase_ids(heads: Heads) -> list[str]:
    """PurchaseIds of each visit, separated by a space."""
    return [" ".join(one) for one in purchase_id_lists(heads)]


@dataclass(frozen=True)
class VisitView:
    """The n visits of a block.

    Attributes:
        block: the block.
    """

    block: Block

    @property
    def ids(self) -> UInt64Array:
        """Visit ids, shape (n,), uint64."""
        return self.block.heads.visit_ids

    @cached_property
    def local_starts(self) -> Int64Array:
        """Wall-clock seconds of the starts, shape (n,), int64."""
        return self.block.local_starts

    @cached_property
    def hit_counts(self) -> Int64Array:
        """Hits of each visit, shape (n,), int64."""
        return np.diff(self.block.offsets)

    @cached_property
    def is_new(self) -> Int64Array:
        """1 for a new visitor, shape (n,), int64."""
        return (spread(self.ids, NEW_SALT, 100) < NEW_USER_PERCENT).astype(np.int64)

    def choice(self, salt: int, size: int) -> Int64Array:
        """One of ``size`` places for each visit, always the same."""
        return spread(self.ids, salt, size)


@dataclass(frozen=True)
class HitView:
    """Chosen hits of a block.

    Attributes:
        block: the block.
        places: shape (m,), int64, which hits.
        local: shape (m,), int64, their wall-clock seconds.
    """

    block: Block
    places: Int64Array
    local: Int64Array

    @classmethod
    def of_days(cls, block: Block, first: dt.date, last: dt.date) -> HitView:
        """The hits whose local day lies in the range, shuffled.

        Args:
            block: any block.
            first: first local day.
            last: last local day.

        Returns:
            The view; empty when no hit falls into the range.
        """
        local = local_seconds(block.hit_epochs, block.plan.zone)
        days = local // DAY_SECONDS
        places = np.flatnonzero((days >= day_number(first)) & (days <= day_number(last)))
        if len(places):
            places = np.random.default_rng([int(block.heads.numbers[0]), len(places)]).permutation(places)
        return cls(block, places, local[places])

    @cached_property
    def ids(self) -> UInt64Array:
        """Hit ids, shape (m,), uint64."""
        return self.block.hit_ids[self.places]

    @cached_property
    def owner(self) -> Int64Array:
        """Place of each hit's visit in the block, shape (m,), int64."""
        return self.block.hit_owner[self.places]

    @cached_property
    def is_page(self) -> Int64Array:
        """1 for a page view, shape (m,), int64."""
        return self.block.hit_is_page[self.places].astype(np.int64)

    @cached_property
    def is_first(self) -> Int64Array:
        """1 for the first hit of a visit, shape (m,), int64."""
        return np.asarray(self.block.offsets[self.owner] == self.places, dtype=np.int64)

    def choice(self, salt: int, size: int) -> Int64Array:
        """One of ``size`` places for each hit, always the same."""
        return spread(self.ids, salt, size)

    def of_visit(self, texts: list[str]) -> list[str]:
        """Repeat a text of each visit for its hits."""
        table: ObjectArray = np.empty(len(texts), dtype=object)
        table[:] = texts
        return list(table[self.owner].tolist())
