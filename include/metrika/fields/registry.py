"""Builds the registry: every documented field of visits and of hits as a :class:`Field`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from include.metrika.fields import rows as rows
from include.metrika.fields.kinds import NAMESPACES, Field, Kind
from include.metrika.fields.rows import Row

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
COUNTER, UTC_PLUS_3 = "counter", "utc+3"


def column_of(stem: str) -> str:
    """Turn the end of an API name into a column name.

    Args:
        stem: for example ``browserEngineVersion1`` or ``UTMSource``.

    Returns:
        Snake case.

    >>> column_of("UTMSource"), column_of("regionCityID")
    ('utm_source', 'region_city_id')
    """
    return _WORD_START.sub("_", stem).lower()


def make_field(source: str, row: Row, **more: Any) -> Field:
    """Build a field from a row.

    Args:
        source: ``visits`` or ``hits``.
        row: end of the API name, kind, column, meaning.
        more: further attributes of the field; ``old_stems`` become aliases.

    Returns:
        The field.
    """
    stem, kind, column, meaning = row
    prefix = NAMESPACES[source]
    aliases = tuple(prefix + old for old in more.pop("old_stems", ()))
    unit = next((unit for unit in ("seconds", "minutes", "pixels") if column.endswith(f"_{unit}")), "")
    return Field(
        prefix + stem, source, kind, column or column_of(stem), meaning,
        **{"unit": unit, "aliases": aliases} | more,
    )  # fmt: skip


def _plain(source: str, *groups: Iterable[Row]) -> Iterator[Field]:
    return (make_field(source, row) for group in groups for row in group)


def _base_visits() -> Iterator[Field]:
    def base(stem: str, kind: Kind, column: str, meaning: str, **more: Any) -> Field:
        """A field of every log of this source."""
        return make_field("visits", (stem, kind, column, meaning), is_required=True, **more)

    yield base("visitID", Kind.UINT64, "visit_id", "Visit id, unique within one year only.", is_key=True)
    yield base("clientID", Kind.UINT64, "client_id", "First-party cookie id, the ClientId of conversions.")
    yield base("watchIDs", Kind.ARRAY_UINT64, "watch_ids", "Hits of the visit, at most 500.")
    yield base("date", Kind.DATE, "date", "Day of the visit's start.", is_key=True)
    yield base("dateTime", Kind.DATETIME, "started_at", "Start of the visit.", zone=COUNTER)
    yield base("visitDuration", Kind.UINT32, "duration_seconds", "Time on site, may be 0.")
    yield base("pageViews", Kind.INT32, "page_views", "Pages viewed; signed.")
    yield base("bounce", Kind.UINT8, "is_bounce", "1 when the visit bounced.")
    yield base("isNewUser", Kind.UINT8, "is_new_user", "1 on the visitor's first visit.")
    yield base(*rows.DEVICE[0])


def _base_hits() -> Iterator[Field]:
    def base(stem: str, kind: Kind, column: str, meaning: str, **more: Any) -> Field:
        """A field of every log of this source."""
        return make_field("hits", (stem, kind, column, meaning), is_required=True, **more)

    yield base("watchID", Kind.UINT64, "watch_id", "Event id.", is_key=True)
    yield base("visitID", Kind.UINT64, "visit_id", "Visit of the event; filled from 10 Oct 2025 on.")
    yield base("clientID", Kind.UINT64, "client_id", "First-party cookie id.")
    yield base("date", Kind.DATE, "date", "Day of the event.", is_key=True)
    yield base("dateTime", Kind.DATETIME, "hit_at", "Time of the event.", zone=COUNTER)
    yield base("isPageView", Kind.UINT8, "is_page_view", "1 when the event is a page view.")
    yield base("link", Kind.UINT8, "is_link", "1 when the event is a click on a link.")
    yield base("download", Kind.UINT8, "is_download", "1 when the event is a file download.")
    yield base("notBounce", Kind.UINT8, "is_not_bounce", "1 for the service event that marks a visit as lasting.")
    yield base("artificial", Kind.UINT8, "is_artificial", "1 when the site's own code sent the event.")


def _goal_extras() -> Iterator[Field]:
    yield make_field(
        "visits", ("goalsDateTime", Kind.ARRAY_DATETIME, "goal_at", "Time of each goal reached."), zone=UTC_PLUS_3
    )
    yield make_field(
        "visits",
        ("goalsPrice", Kind.ARRAY_INT64, "goal_values", "Value of each goal reached, times 1000."),
        scale=rows.MILLI,
    )
    yield make_field(
        "visits",
        ("dateTimeUTC", Kind.DATETIME, "started_utc3_at", "Start of the visit; UTC+3 despite its name."),
        zone=UTC_PLUS_3,
    )


def _product_rows(group: str, price: Kind, count: Kind) -> Iterator[tuple[str, Kind, str]]:
    for end in ("ID", "Name", "Brand", "Category"):
        yield end, rows.TEXTS, f"{end} of each {group}."
    for end in ("Variant", "Currency", "Coupon", "List", "Discount"):
        yield end, rows.TEXTS, f"{end} of each {group}."
    yield "Position", rows.WHOLES, f"Position of each {group} in its list."
    yield "Quantity", count, f"Pieces of each {group}."
    yield "Price", price, f"Price of each {group}, times 1,000,000."


def _products(source: str, prefix: str, old_prefix: str, group: str, price: Kind, count: Kind) -> Iterator[Field]:
    """One group of product arrays; a group that was renamed keeps its old names as aliases."""
    for end, kind, meaning in _product_rows(group, price, count):
        old: tuple[str, ...] = (old_prefix + end,) if old_prefix else ()
        scale = rows.MICRO if end == "Price" else 1
        yield make_field(source, (prefix + end, kind, "", meaning), old_stems=old, scale=scale)
    level_word = "CategoryLevel" if old_prefix or source == "hits" else "Category"
    for level in rows.CATEGORY_LEVELS:
        old = (f"{old_prefix}Category{level}", f"{prefix}Category{level}") if old_prefix else ()
        row = (f"{prefix}{level_word}{level}", rows.TEXTS, "", f"Category of each {group}, level {level}.")
        yield make_field(source, row, old_stems=old)
    if source == "visits":
        old = (f"{old_prefix}EventTime",) if old_prefix else ()
        time_row = (f"{prefix}EventTime", rows.TIMES, f"{column_of(prefix)}_event_at", f"Time of each {group}.")
        yield make_field(source, time_row, old_stems=old)


def _shop(source: str) -> Iterator[Field]:
    yield from _products(source, "product", "eventsProduct", "product event", rows.WHOLES, Kind.ARRAY_UINT64)
    event_type = ("productEventType", rows.TEXTS, "", "Kind of each product event.")
    yield make_field(source, event_type, old_stems=("eventsProductType",))
    if source == "hits":
        return
    yield make_field(source, ("productURL", rows.TEXTS, "", "Page of each product event."))
    yield from _products(source, "purchasedProduct", "products", "product bought", rows.REALS, rows.WHOLES)
    yield make_field(
        source,
        ("purchasedProductPurchaseID", rows.TEXTS, "", "Purchase of each product bought."),
        old_stems=("productsPurchaseID",),
    )
    yield from _products(source, "impressionsProduct", "", "product shown", rows.WHOLES, Kind.ARRAY_UINT64)


def _shared(source: str) -> Iterator[Field]:
    yield from _plain(source, rows.PLACE, rows.LABELS, rows.MARKS, rows.PROMOTIONS, rows.CALLS, rows.PARAMS)
    for row in rows.PURCHASES:
        yield make_field(source, row, scale=rows.MICRO if row[0] == "purchaseTax" else 1)
    yield from _shop(source)


def attributed_field(prefix: str, stem: str) -> Field | None:
    """The field of a visit's traffic source under one attribution model.

    Args:
        prefix: one of the documented models, such as ``lastsign``.
        stem: the rest of the name, such as ``TrafficSource``.

    Returns:
        The field, or None when no such stem exists.
    """
    wanted = {stem, stem[:1].lower() + stem[1:]}  # hasGCLID and HasGCLID are both seen
    for row in (*rows.ATTRIBUTED, *rows.MARKS):
        if row[0] in wanted:
            column = f"{prefix}_{row[2] or column_of(row[0])}"
            return make_field("visits", (prefix + stem, row[1], column, row[3]))
    return None


def build_visits() -> dict[str, Field]:
    """Every field of visits that needs no attribution prefix, by API name."""
    fields = [
        *_base_visits(), *_goal_extras(), *_plain("visits", rows.VISIT_ROWS, rows.DEVICE[1:]), *_shared("visits"),
    ]  # fmt: skip
    return {field.api_name: field for field in fields}


def build_hits() -> dict[str, Field]:
    """Every field of hits, by API name."""
    fields = [*_base_hits(), *_plain("hits", rows.HIT_ROWS, rows.DEVICE), *_shared("hits")]
    return {field.api_name: field for field in fields}
