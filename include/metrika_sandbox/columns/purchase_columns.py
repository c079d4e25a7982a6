"""Purchases of visits; their sums agree with the products bought."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect, number_array
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec
from include.metrika_sandbox.columns.product_columns import MICRO, PURCHASED, visit_products
from include.metrika_sandbox.columns.vocabulary import Product
from include.metrika_sandbox.visitors.views import VisitView, purchase_id_lists
from include.metrika_sandbox.visitors.zones import time_texts

TAX_SHARE = 0.2  # of the price before tax
SHIPPING_RUB = 300
FREE_SHIPPING_RUB = 5000
PURCHASE_SECONDS = 60

Basket = list[Product]  # the products of one purchase


def _baskets(view: VisitView) -> list[list[Basket]]:
    """The products of each purchase of each visit; product j belongs to purchase j modulo their number."""
    rows = zip(purchase_id_lists(view.block.heads), visit_products(PURCHASED)(view), strict=True)
    return [[products[place :: len(ids)] for place in range(len(ids))] for ids, products in rows]


def _revenue(basket: Basket) -> float:
    return float(sum(one.price_rub for one in basket))


def _numbers(type_name: str, value: Callable[[Basket], object]) -> FieldSpec:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [number_array(value(basket) for basket in row) for row in _baskets(view)]

    return FieldSpec(type_name, render)


def _texts(value: Callable[[Basket], str]) -> FieldSpec:
    def render(view: VisitView, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return [dialect.text_array([value(basket) for basket in row]) for row in _baskets(view)]

    return FieldSpec("Array(String)", render)


def _ids(view: VisitView, dialect: Dialect) -> list[str]:
    return [dialect.text_array(one) for one in purchase_id_lists(view.block.heads)]


def purchase_times(view: VisitView, dialect: Dialect) -> list[str]:
    """``purchaseDateTime``, counter zone."""
    texts = time_texts(view.local_starts + np.minimum(view.block.durations, PURCHASE_SECONDS))
    lists = purchase_id_lists(view.block.heads)
    return [dialect.time_array([text] * len(one)) for text, one in zip(texts, lists, strict=True)]


def purchase_columns() -> Fields:
    """The columns that visits and hits both have.

    Returns:
        Ending of the field name -> field of a view of visits.
    """
    return {
        "ID": FieldSpec("Array(String)", _ids),
        "Revenue": _numbers("Array(Float64)", _revenue),
        "Tax": _numbers("Array(Float64)", lambda one: round(_revenue(one) * MICRO * TAX_SHARE / (1 + TAX_SHARE))),
        "Shipping": _numbers("Array(Float64)", lambda one: 0 if _revenue(one) >= FREE_SHIPPING_RUB else SHIPPING_RUB),
        "Coupon": _texts(lambda one: "AUTUMN10" if len(one) > 1 else ""),
        "Currency": _texts(lambda one: "RUB"),
        "ProductQuantity": _numbers("Array(Int64)", len),
    }


def affiliations() -> FieldSpec:
    """``purchaseAffiliation``: the shop of each purchase; visits only."""
    return _texts(lambda one: "main store")
