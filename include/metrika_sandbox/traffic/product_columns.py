"""E-commerce arrays of the visits source: purchased, viewed and shown products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from include.metrika_sandbox.traffic.dialect import Dialect, number_array
from include.metrika_sandbox.traffic.views import VisitView, purchase_counts, purchase_id_lists
from include.metrika_sandbox.traffic.vocabulary import PRODUCTS, SITE, Product
from include.metrika_sandbox.traffic.zones import time_texts

MICRO = 1_000_000  # documented factor of product prices
PURCHASED, VIEWED, SHOWN = "purchased", "viewed", "shown"
GROUP_SALTS = {PURCHASED: 31, VIEWED: 32, SHOWN: 33}
CATEGORY_LEVELS = 5

Column = Callable[[VisitView, Dialect], list[str]]


def _counts(group: str, view: VisitView) -> list[int]:
    drawn = view.choice(GROUP_SALTS[group], 4)
    if group == PURCHASED:
        counts = purchase_counts(view.block.heads) * (1 + drawn % 2)
    else:
        counts = np.where(view.block.page_views >= 2, drawn, 0)
    return list(counts.tolist())


def _products(group: str, view: VisitView) -> list[list[Product]]:
    starts = view.choice(GROUP_SALTS[group] + 100, len(PRODUCTS)).tolist()
    return [
        [PRODUCTS[(start + place) % len(PRODUCTS)] for place in range(count)]
        for start, count in zip(starts, _counts(group, view), strict=True)
    ]


def _category(product: Product, level: int) -> str:
    levels = product.category.split("/")
    return levels[level - 1] if level <= len(levels) else ""


def _texts(group: str, value: Callable[[Product], str]) -> Column:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        return [dialect.text_array([value(one) for one in row]) for row in _products(group, view)]

    return render


def _numbers(group: str, value: Callable[[int, Product], object]) -> Column:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        rows = _products(group, view)
        return [number_array(value(place, one) for place, one in enumerate(row, 1)) for row in rows]

    return render


def product_columns(group: str) -> dict[str, tuple[str, Column]]:
    """The columns one group of products has.

    Args:
        group: PURCHASED, VIEWED or SHOWN.

    Returns:
        Ending of the field name -> type and renderer.
    """
    price_type = "Array(Float64)" if group == PURCHASED else "Array(Int64)"
    columns: dict[str, tuple[str, Column]] = {
        "ID": ("Array(String)", _texts(group, lambda one: one.product_id)),
        "Name": ("Array(String)", _texts(group, lambda one: one.name)),
        "Brand": ("Array(String)", _texts(group, lambda one: one.brand)),
        "Category": ("Array(String)", _texts(group, lambda one: one.category)),
        "Variant": ("Array(String)", _texts(group, lambda one: "")),
        "Currency": ("Array(String)", _texts(group, lambda one: "RUB")),
        "Coupon": ("Array(String)", _texts(group, lambda one: "")),
        "Position": ("Array(Int32)", _numbers(group, lambda place, one: place)),
        "Quantity": ("Array(Int64)", _numbers(group, lambda place, one: 1)),
        "Price": (price_type, _numbers(group, lambda place, one: one.price_rub * MICRO)),
    }
    for level in range(1, CATEGORY_LEVELS + 1):
        columns[f"Category{level}"] = ("Array(String)", _texts(group, _level(level)))
    return columns


def _level(level: int) -> Callable[[Product], str]:
    return lambda one: _category(one, level)


def purchase_of_product(view: VisitView, dialect: Dialect) -> list[str]:
    """``productsPurchaseID``: the purchase each purchased product belongs to."""
    owners = purchase_id_lists(view.block.heads)
    rows = zip(owners, _counts(PURCHASED, view), strict=True)
    return [dialect.text_array([one[place % len(one)] for place in range(count)]) for one, count in rows]


def shown_urls(view: VisitView, dialect: Dialect) -> list[str]:
    """``impressionsURL``."""
    return [dialect.text_array([f"{SITE}/catalog"] * count) for count in _counts(SHOWN, view)]


def shown_times(view: VisitView, dialect: Dialect) -> list[str]:
    """``impressionsDateTime``, counter zone."""
    texts = time_texts(view.local_starts)
    rows = zip(texts, _counts(SHOWN, view), strict=True)
    return [dialect.time_array([text] * count) for text, count in rows]


def viewed_times(view: VisitView, dialect: Dialect) -> list[str]:
    """``productEventTime``, counter zone."""
    texts = time_texts(view.local_starts)
    rows = zip(texts, _counts(VIEWED, view), strict=True)
    return [dialect.time_array([text] * count) for text, count in rows]
