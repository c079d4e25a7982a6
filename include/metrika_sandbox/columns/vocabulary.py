"""The words of the demo shop; some carry a legal oddity of the dialect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.visitors.ids import Int64Array

SITE = "https://shop.example"


@dataclass(frozen=True)
class Odd:
    """A value that shows one extra of the dialect.

    Attributes:
        extra: name in ``faults.EXTRAS``; the value occurs only while that extra is on.
        value: the text; None is null.
        plain: what stands there while the extra is off.
    """

    extra: str
    value: str | None
    plain: str


Word = str | Odd
Words = Sequence[Word]

PATHS: Words = (
    "/", "/catalog", "/catalog/shoes", "/catalog/coats", "/catalog/bags", "/catalog/kids", "/sale", "/new",
    "/cart", "/checkout", "/delivery", "/about", "/search?q=boots", "/search?q=%D0%B1%D0%BE%D1%82",
    "/product/1001", "/product/1002", "/product/1003", "/product/1004", "/product/1005", "/product/1006",
    "/account", "/account/orders", "/stores", "/blog", "/blog/how-to-choose", "/brands", "/reviews",
    "/catalog/hats", "/catalog/belts", "/contacts", "/catalog/каталог",
    Odd("escapes", "/search?q=a\tb\\c", "/search?q=abc"),
    Odd("bad_utf8", "/search?q=caf\udce9", "/search?q=cafe"),
)  # fmt: skip
TITLES: Words = (
    "Shop of good shoes", "Boots for winter", "Sale", "Корзина", "Каталог обуви", "Delivery and payment",
    'Coats "North" of this season', "Order is accepted", "Search", "Bags, belts; hats", "How to choose boots",
    Odd("lone_quote", '"North and sons', "North and sons"),
    Odd("escapes", "Two\tcolumns\nand two lines \\ slash", "Two columns"),
    Odd("bad_utf8", "Caf\udce9 \udcff", "Cafe"),
)  # fmt: skip
REFERERS: Words = (
    "", "", "", "https://ya.ru/", "https://www.google.com/", "https://t.me/", "https://news.example/a?b=1",
    SITE + "/", SITE + "/catalog",
    Odd("null_mark", None, ""),
    Odd("lone_quote", '"https://odd.example', "https://odd.example"),
)  # fmt: skip
PARAMS: Words = (
    "", "", "{}", '{"color":"red"}', '{"filter":{"size":["41","42"]}}', '{"user":"guest","step":2}',
    Odd("escapes", '{"note":"tab\\tand\tback\\\\slash"}', '{"note":"plain"}'),
)  # fmt: skip
ECOMMERCE: Words = (
    "", "", "", '{"detail":{"products":[{"id":"1001","name":"Boots \\"North\\""}]}}', '{"add":{"id":"1002"}}',
)  # fmt: skip
CAMPAIGNS: Words = ("", "", "", "autumn", "brand_2025", "осень", Odd("null_mark", None, ""))

CITIES = ("Moscow", "Saint Petersburg", "Kazan", "New York", "Berlin", "")
COUNTRIES = ("Russia", "Russia", "Russia", "United States", "Germany", "Kazakhstan")  # of the cities
BROWSERS = ("chrome", "yandex_browser", "safari", "firefox", "edge", "chromemobile", "safari_mobile")
SYSTEMS = ("windows11", "android14", "ios17", "macos", "linux", "windows10")
SYSTEM_ROOTS = ("windows", "android", "ios_double", "macos", "gnu_linux", "windows")
TRAFFIC_SOURCES = ("organic", "direct", "ad", "referral", "internal", "social", "messenger", "recommend")
SEARCH_ENGINES = ("", "yandex_search", "google", "bing")
SOCIAL_NETWORKS = ("", "", "vkontakte", "telegram_channel")
AD_ENGINES = ("", "", "ya_direct", "google_adwords")
CHANNELS: tuple[tuple[str, ...], ...] = (
    (), (), (), ("telegram",), ("", "", "", "telegram"), ("whatsapp", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Product:
    """A thing the demo shop sells; the price is in whole roubles."""

    product_id: str
    name: Word
    brand: str
    category: str
    price_rub: int


PRODUCTS = (
    Product("1001", "Boots North", "North", "Shoes/Boots", 7990),
    Product("1002", "Coat grey", "Kama", "Coats", 12500),
    Product("1003", Odd("escapes", "Bag 'City'", "Bag City"), "Urban, Co", "Bags", 4300),
    Product("1004", "Шапка", "Kama", "Hats", 990),
    Product("1005", "Belt 90 cm", "", "Belts", 1490),
    Product("1006", Odd("escapes", "Trainers \\ run", "Trainers run"), "Swift", "Shoes/Trainers", 6100),
)


@dataclass(frozen=True)
class Promotion:
    """A banner inside the demo shop."""

    promotion_id: str
    name: str
    creative: Word
    position: str
    slot: str


PROMOTIONS = (
    Promotion("p-autumn", "Autumn sale", "Leaves, wide", "1", "main_top"),
    Promotion("p-brand", 'Week of "North"', Odd("escapes", "Boots 'North'", "Boots North"), "2", "main_side"),
    Promotion("p-new", "Новинки", "", "1", "catalog_top"),
)
VIEWED_PROMOTION, CLICKED_PROMOTION = "promoView", "promoClick"
PRODUCT_EVENTS = ("detail", "click", "add", "remove", "view_item_list")
PRODUCT_LISTS = ("", "Search", "New, this week")
DISCOUNTS = ("", "", "10")


def word_column(words: Words, places: Int64Array, dialect: Dialect, *, prefix: str = "") -> list[str]:
    """Write one word per row.

    Args:
        words: the vocabulary.
        places: shape (n,), int64, which word each row has.
        dialect: spelling in force.
        prefix: text put before every word that is not null and not empty.

    Returns:
        n fields.
    """
    encoded = [_encode(word, dialect, prefix) for word in words]
    table = np.empty(len(encoded), dtype=object)
    table[:] = encoded
    return list(table[places].tolist())


def _encode(word: Word, dialect: Dialect, prefix: str) -> str:
    value = spelled(word, dialect)
    return dialect.text(prefix + value if value else value)


def spelled(word: Word, dialect: Dialect) -> str | None:
    """The text of a word in a dialect; None is null."""
    if isinstance(word, Odd):
        return word.value if word.extra in dialect.extras else word.plain
    return word
