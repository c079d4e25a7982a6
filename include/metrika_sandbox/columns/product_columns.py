"""E-commerce arrays: products bought, viewed and shown, of visits and of hits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect, number_array
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec, Render, View
from include.metrika_sandbox.columns.vocabulary import (
    DISCOUNTS,
    PRODUCT_EVENTS,
    PRODUCT_LISTS,
    PRODUCTS,
    SITE,
    Product,
    Word,
    spelled,
)
from include.metrika_sandbox.visitors.views import HitView, VisitView, purchase_counts, purchase_id_lists
from include.metrika_sandbox.visitors.zones import time_texts

MICRO = 1_000_000  # documented factor of product prices
PURCHASED, VIEWED, SHOWN = "purchased", "viewed", "shown"
GROUP_SALTS = {PURCHASED: 31, VIEWED: 32, SHOWN: 33}
HIT_SALT, LIST_SALT, EVENT_SALT, DISCOUNT_SALT = 34, 35, 36, 37
HIT_EVENTS_EVERY = 12  # three of twelve page views are e-commerce events
CATEGORY_LEVELS = 5
EVENT_SECONDS = 20  # e-commerce events follow the start of a visit, as far as it lasts

Lister = Callable[[View], list[list[Product]]]


def _counts(group: str, view: VisitView) -> list[int]:
    drawn = view.choice(GROUP_SALTS[group], 4)
    if group == PURCHASED:
        counts = purchase_counts(view.block.heads) * (1 + drawn % 2)
    else:
        counts = np.where(view.block.page_views >= 2, drawn, 0)
    return list(counts.tolist())


def _take(view: View, salt: int, counts: list[int]) -> list[list[Product]]:
    starts = view.choice(salt, len(PRODUCTS)).tolist()
    return [
        [PRODUCTS[(start + place) % len(PRODUCTS)] for place in range(count)]
        for start, count in zip(starts, counts, strict=True)
    ]


def visit_products(group: str) -> Lister:
    """The products of each visit.

    Args:
        group: PURCHASED, VIEWED or SHOWN.

    Returns:
        Lists them for a view of visits.
    """
    return lambda view: _take(view, GROUP_SALTS[group] + 100, _counts(group, view))


def hit_products(view: HitView) -> list[list[Product]]:
    """The products of each hit: some page views are e-commerce events with one or two."""
    drawn = view.choice(HIT_SALT, HIT_EVENTS_EVERY)
    counts = np.where((view.is_page == 1) & (drawn < 3), 1 + drawn // 2, 0)
    return _take(view, HIT_SALT + 100, counts.tolist())


def _category(product: Product, level: int) -> str:
    levels = product.category.split("/")
    return levels[level - 1] if level <= len(levels) else ""


def _texts(lister: Lister, value: Callable[[Product], Word]) -> FieldSpec:
    def render(view: View, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [dialect.text_array([spelled(value(one), dialect) or "" for one in row]) for row in lister(view)]

    return FieldSpec("Array(String)", render)


def _chosen_texts(lister: Lister, salt: int, words: tuple[str, ...]) -> FieldSpec:
    """One of a few words for each product, another one for the next product of a row."""

    def render(view: View, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        rows = zip(lister(view), view.choice(salt, len(words)).tolist(), strict=True)
        return [
            dialect.text_array([words[(start + place) % len(words)] for place in range(len(row))])
            for row, start in rows
        ]

    return FieldSpec("Array(String)", render)


def _numbers(type_name: str, lister: Lister, value: Callable[[int, Product], object]) -> FieldSpec:
    def render(view: View, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [number_array(value(place, one) for place, one in enumerate(row, 1)) for row in lister(view)]

    return FieldSpec(type_name, render)


def product_columns(lister: Lister, *, is_purchase: bool = False) -> Fields:
    """The columns that every group of products has.

    Args:
        lister: the products of each row.
        is_purchase: the group's numbers have the types of bought products.

    Returns:
        Ending of the field name -> field.
    """
    price_type, quantity_type = ("Array(Float64)", "Array(Int64)") if is_purchase else ("Array(Int64)", "Array(UInt64)")
    return {
        "ID": _texts(lister, lambda one: one.product_id),
        "Name": _texts(lister, lambda one: one.name),
        "Brand": _texts(lister, lambda one: one.brand),
        "Category": _texts(lister, lambda one: one.category),
        "Variant": _texts(lister, lambda one: "41" if one.category.startswith("Shoes") else ""),
        "Currency": _texts(lister, lambda one: "RUB"),
        "Coupon": _chosen_texts(lister, DISCOUNT_SALT, ("", "", "AUTUMN10")),
        "List": _chosen_texts(lister, LIST_SALT, PRODUCT_LISTS),
        "Discount": _chosen_texts(lister, DISCOUNT_SALT, DISCOUNTS),
        "Position": _numbers("Array(Int32)", lister, lambda place, one: place),
        "Quantity": _numbers(quantity_type, lister, lambda place, one: 1),
        "Price": _numbers(price_type, lister, lambda place, one: one.price_rub * MICRO),
    }


def category_columns(lister: Lister) -> list[FieldSpec]:
    """The categories of each product, levels 1 to 5."""

    def level(number: int) -> FieldSpec:
        """One level of the category path."""
        return _texts(lister, lambda one: _category(one, number))

    return [level(number) for number in range(1, CATEGORY_LEVELS + 1)]


def event_types(lister: Lister) -> FieldSpec:
    """``productEventType``: what happened to each product."""
    return _chosen_texts(lister, EVENT_SALT, PRODUCT_EVENTS)


def product_urls(lister: Lister) -> FieldSpec:
    """``productURL``: the page of each product."""
    return _texts(lister, lambda one: f"{SITE}/product/{one.product_id}")


def event_times(lister: Lister) -> FieldSpec:
    """``…EventTime`` of the visits source, counter zone."""

    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        texts = time_texts(view.local_starts + np.minimum(view.block.durations, EVENT_SECONDS))
        return [dialect.time_array([text] * len(row)) for text, row in zip(texts, lister(view), strict=True)]

    return FieldSpec("Array(DateTime)", render)


def shown_times(lister: Lister) -> Render:
    """``impressionsDateTime``, counter zone: the start of the visit."""

    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        texts = time_texts(view.local_starts)
        return [dialect.time_array([text] * len(row)) for text, row in zip(texts, lister(view), strict=True)]

    return render


def shown_urls(lister: Lister) -> FieldSpec:
    """``impressionsURL``."""
    return _texts(lister, lambda one: f"{SITE}/catalog")


def purchase_of_product(view: VisitView, dialect: Dialect) -> list[str]:
    """``productsPurchaseID``: the purchase each bought product belongs to."""
    owners = purchase_id_lists(view.block.heads)
    rows = zip(owners, _counts(PURCHASED, view), strict=True)
    return [dialect.text_array([one[place % len(one)] for place in range(count)]) for one, count in rows]
