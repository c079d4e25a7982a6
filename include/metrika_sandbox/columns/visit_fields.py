"""Every field of the visits source."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from include.metrika_sandbox.columns import event_columns as events
from include.metrika_sandbox.columns import product_columns as shop
from include.metrika_sandbox.columns import purchase_columns as purchases
from include.metrika_sandbox.columns import visit_columns as visit
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec, numbers
from include.metrika_sandbox.columns.word_fields import ATTRIBUTED_WORDS, COMMON_WORDS, MARK_WORDS, word_fields

ATTRIBUTIONS = (
    "", "<attribution>", "first", "last", "lastsign", "last_yandex_direct_click", "cross_device_first",
    "cross_device_last", "cross_device_last_significant", "cross_device_last_yandex_direct_click", "automatic",
)  # fmt: skip
PARAM_LEVELS = 10
OLD_AND_NEW = {  # group -> start of the old name, start of the new one
    shop.PURCHASED: ("products", "purchasedProduct"),
    shop.VIEWED: ("eventsProduct", "product"),
    shop.SHOWN: ("impressionsProduct", "impressionsProduct"),
}


def _channels() -> Fields:
    return {
        "RecommendationSystem": FieldSpec("String", partial(visit.channels, 0)),
        "Messenger": FieldSpec("String", partial(visit.channels, 1)),
    }


def attributed_fields(attributions: Iterable[str] = ATTRIBUTIONS) -> Fields:
    """Traffic source and marks of the click under several attribution models.

    Args:
        attributions: prefixes of the names.

    Returns:
        The fields; a mark such as ``hasGCLID`` has a second spelling with a capital letter.
    """
    stems = word_fields(ATTRIBUTED_WORDS, 300) | _channels()
    for name, spec in word_fields(MARK_WORDS, 200).items():
        stems |= {name: spec, name[:1].upper() + name[1:]: spec}
    return {f"{attribution}{stem}": spec for attribution in attributions for stem, spec in stems.items()}


def _product_fields(group: str) -> Fields:
    lister = shop.visit_products(group)
    old, new = OLD_AND_NEW[group]
    columns = shop.product_columns(lister, is_purchase=group == shop.PURCHASED)
    columns["EventTime"] = shop.event_times(lister)
    levels = list(enumerate(shop.category_columns(lister), 1))
    columns |= {f"Category{level}": spec for level, spec in levels}
    fields = {start + ending: spec for start in (old, new) for ending, spec in columns.items()}
    if group != shop.SHOWN:
        fields |= {f"{new}CategoryLevel{level}": spec for level, spec in levels}
    return fields


def _shop_fields() -> Fields:
    fields = {name: spec for group in OLD_AND_NEW for name, spec in _product_fields(group).items()}
    viewed, shown = shop.visit_products(shop.VIEWED), shop.visit_products(shop.SHOWN)
    for start in OLD_AND_NEW[shop.PURCHASED]:
        fields[f"{start}PurchaseID"] = FieldSpec("Array(String)", shop.purchase_of_product)
    fields |= {
        "productEventType": shop.event_types(viewed),
        "eventsProductType": shop.event_types(viewed),
        "productURL": shop.product_urls(viewed),
        "impressionsURL": shop.shown_urls(shown),
        "impressionsDateTime": FieldSpec("Array(DateTime)", shop.shown_times(shown)),
        "purchaseDateTime": FieldSpec("Array(DateTime)", purchases.purchase_times),
        "purchaseAffiliation": purchases.affiliations(),
    }
    return fields | {f"purchase{ending}": spec for ending, spec in purchases.purchase_columns().items()}


def _event_fields() -> Fields:
    fields = {f"promotion{ending}": spec for ending, spec in events.promotion_columns().items()}
    fields |= {f"offlineCall{ending}": spec for ending, spec in events.call_columns().items()}
    return fields | {
        "promotionType": FieldSpec("Array(String)", events.promotion_types),
        "promotionEventTime": FieldSpec("Array(DateTime)", events.promotion_times),
    }


def _own_fields() -> Fields:
    return {
        "visitID": FieldSpec("UInt64", numbers(lambda view: view.ids)),
        "counterID": FieldSpec("UInt32", visit.counter_id),
        "clientID": FieldSpec("UInt64", numbers(lambda view: view.block.heads.client_ids)),
        "counterUserIDHash": FieldSpec("UInt64", visit.user_hash),
        "watchIDs": FieldSpec("Array(UInt64)", visit.watch_ids),
        "date": FieldSpec("Date", visit.dates),
        "dateTime": FieldSpec("DateTime", visit.times),
        "dateTimeUTC": FieldSpec("DateTime", visit.date_time_utc),
        "visitDuration": FieldSpec("UInt32", numbers(lambda view: view.block.durations)),
        "pageViews": FieldSpec("Int32", numbers(lambda view: view.block.page_views)),
        "bounce": FieldSpec("UInt8", visit.bounce),
        "isNewUser": FieldSpec("UInt8", numbers(lambda view: view.is_new)),
        "deviceCategory": FieldSpec("String", visit.device),
        "clientTimeZone": FieldSpec("Int16", visit.client_time_zone),
        "startURL": FieldSpec("String", visit.start_url),
        "endURL": FieldSpec("String", visit.end_url),
        "referer": FieldSpec("String", visit.referer),
        "goalsID": FieldSpec("Array(UInt32)", visit.goal_ids),
        "goalsSerialNumber": FieldSpec("Array(UInt32)", visit.goal_serials),
        "goalsDateTime": FieldSpec("Array(DateTime)", visit.goal_times),
        "goalsPrice": FieldSpec("Array(Int64)", visit.goal_prices),
        "goalsOrder": FieldSpec("Array(String)", visit.goal_orders),
        "goalsCurrency": FieldSpec("Array(String)", visit.goal_currencies),
    }


def build_visit_fields() -> Fields:
    """Every field of visits, by name without its prefix."""
    fields = attributed_fields() | word_fields(COMMON_WORDS, 200) | _shop_fields() | _event_fields() | _own_fields()
    fields["lastSignificantGCLID"] = fields["lastsignGCLID"]
    for level in range(1, PARAM_LEVELS + 1):
        fields[f"parsedParamsKey{level}"] = FieldSpec("Array(String)", partial(visit.param_keys, level))
    return fields
