"""Promotions and telephone calls of visits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect, number_array
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec
from include.metrika_sandbox.columns.vocabulary import (
    CLICKED_PROMOTION,
    PROMOTIONS,
    SITE,
    VIEWED_PROMOTION,
    Promotion,
    Word,
    spelled,
)
from include.metrika_sandbox.visitors.views import VisitView
from include.metrika_sandbox.visitors.zones import time_texts

PROMOTION_SALT, PROMOTION_COUNT_SALT, PROMOTION_TYPE_SALT, CALL_SALT = 51, 52, 53, 54
CALL_EVERY = 90  # three of ninety visits have a call
PROMOTION_SECONDS = 5


@dataclass(frozen=True)
class PhoneCall:
    """A call that belongs to a visit."""

    talk_seconds: int
    hold_seconds: int
    is_missed: int
    tag: str
    is_first: int
    url: str


PHONE_CALLS = (
    PhoneCall(184, 12, 0, "order", 1, SITE + "/contacts"),
    PhoneCall(0, 41, 1, "", 0, ""),
    PhoneCall(62, 5, 0, 'returns, "boots"', 0, SITE + "/delivery"),
)


def _promotions(view: VisitView) -> list[list[Promotion]]:
    """One or two banners for half of the visits with hits."""
    counts = np.where(view.hit_counts > 0, np.maximum(view.choice(PROMOTION_COUNT_SALT, 4) - 1, 0), 0)
    starts = view.choice(PROMOTION_SALT, len(PROMOTIONS)).tolist()
    return [
        [PROMOTIONS[(start + place) % len(PROMOTIONS)] for place in range(count)]
        for start, count in zip(starts, counts.tolist(), strict=True)
    ]


def _promotion_texts(value: Callable[[Promotion], Word]) -> FieldSpec:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [dialect.text_array([spelled(value(one), dialect) or "" for one in row]) for row in _promotions(view)]

    return FieldSpec("Array(String)", render)


def promotion_columns() -> Fields:
    """The columns that visits and hits both have: ending of the field name -> field."""
    return {
        "ID": _promotion_texts(lambda one: one.promotion_id),
        "Name": _promotion_texts(lambda one: one.name),
        "Creative": _promotion_texts(lambda one: one.creative),
        "Position": _promotion_texts(lambda one: one.position),
        "CreativeSlot": _promotion_texts(lambda one: one.slot),
    }


def promotion_types(view: VisitView, dialect: Dialect) -> list[str]:
    """``promotionType``: each banner was seen; the last one of some visits was clicked."""
    rows = zip(_promotions(view), view.choice(PROMOTION_TYPE_SALT, 3).tolist(), strict=True)
    return [dialect.text_array(_types(len(row), is_clicked=place == 0)) for row, place in rows]


def _types(count: int, *, is_clicked: bool) -> list[str]:
    types = [VIEWED_PROMOTION] * count
    if count and is_clicked:
        types[-1] = CLICKED_PROMOTION
    return types


def promotion_times(view: VisitView, dialect: Dialect) -> list[str]:
    """``promotionEventTime``, counter zone."""
    texts = time_texts(view.local_starts + np.minimum(view.block.durations, PROMOTION_SECONDS))
    return [dialect.time_array([text] * len(row)) for text, row in zip(texts, _promotions(view), strict=True)]


def _calls(view: VisitView) -> list[list[PhoneCall]]:
    places = view.choice(CALL_SALT, CALL_EVERY).tolist()
    return [[PHONE_CALLS[place]] if place < len(PHONE_CALLS) else [] for place in places]


def _call_numbers(type_name: str, value: Callable[[PhoneCall], int]) -> FieldSpec:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [number_array(value(one) for one in row) for row in _calls(view)]

    return FieldSpec(type_name, render)


def _call_texts(value: Callable[[PhoneCall], str]) -> FieldSpec:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [dialect.text_array([value(one) for one in row]) for row in _calls(view)]

    return FieldSpec("Array(String)", render)


def call_columns() -> Fields:
    """The calls of each visit: ending of the field name -> field."""
    return {
        "TalkDuration": _call_numbers("Array(UInt32)", lambda one: one.talk_seconds),
        "HoldDuration": _call_numbers("Array(UInt32)", lambda one: one.hold_seconds),
        "Missed": _call_numbers("Array(UInt32)", lambda one: one.is_missed),
        "Tag": _call_texts(lambda one: one.tag),
        "FirstTimeCaller": _call_numbers("Array(UInt32)", lambda one: one.is_first),
        "URL": _call_texts(lambda one: one.url),
    }
