"""Every field of the hits source."""

from __future__ import annotations

from functools import partial

from include.metrika_sandbox.columns import event_columns as events
from include.metrika_sandbox.columns import hit_columns as hit
from include.metrika_sandbox.columns import product_columns as shop
from include.metrika_sandbox.columns import purchase_columns as purchases
from include.metrika_sandbox.columns import visit_columns as visit
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec, numbers
from include.metrika_sandbox.columns.visit_fields import PARAM_LEVELS
from include.metrika_sandbox.columns.word_fields import ATTRIBUTED_WORDS, COMMON_WORDS, HIT_WORDS, word_fields

LAST_SOURCE = (  # hits know the last traffic source only
    "TrafficSource", "SearchEngineRoot", "SearchEngine", "AdvEngine", "SocialNetwork", "SocialNetworkProfile",
)  # fmt: skip
PRODUCT_STARTS = ("product", "eventsProduct")  # new name, old name


def _source_fields() -> Fields:
    sources = word_fields(ATTRIBUTED_WORDS, 300)
    return {f"last{name}": sources[name] for name in LAST_SOURCE} | {
        "recommendationSystem": FieldSpec("String", partial(hit.channels, 0)),
        "messenger": FieldSpec("String", partial(hit.channels, 1)),
    }


def _product_fields() -> Fields:
    columns = shop.product_columns(shop.hit_products)
    levels = list(enumerate(shop.category_columns(shop.hit_products), 1))
    columns |= {f"Category{level}": spec for level, spec in levels}
    fields = {start + ending: spec for start in PRODUCT_STARTS for ending, spec in columns.items()}
    fields |= {f"productCategoryLevel{level}": spec for level, spec in levels}
    return fields | dict.fromkeys(("productEventType", "eventsProductType"), shop.event_types(shop.hit_products))


def _event_fields() -> Fields:
    """What belongs to a visit as a whole stands at its first hit."""
    groups = {
        "purchase": purchases.purchase_columns(),
        "promotion": events.promotion_columns(),
        "offlineCall": events.call_columns(),
    }
    fields = {start + ending: spec for start, columns in groups.items() for ending, spec in columns.items()}
    fields["promotionEventType"] = FieldSpec("Array(String)", events.promotion_types)
    for level in range(1, PARAM_LEVELS + 1):
        fields[f"parsedParamsKey{level}"] = FieldSpec("Array(String)", partial(visit.param_keys, level))
    return {name: FieldSpec(spec.type_name, hit.at_first_hit(spec.render)) for name, spec in fields.items()}


def _own_fields() -> Fields:
    return {
        "watchID": FieldSpec("UInt64", numbers(lambda view: view.ids)),
        "pageViewID": FieldSpec("UInt32", hit.page_view_id),
        "visitID": FieldSpec("UInt64", hit.visit_id),
        "counterID": FieldSpec("UInt32", hit.counter_id),
        "clientID": FieldSpec("UInt64", hit.client_id),
        "counterUserIDHash": FieldSpec("UInt64", hit.user_hash),
        "date": FieldSpec("Date", hit.dates),
        "dateTime": FieldSpec("DateTime", hit.times),
        "isPageView": FieldSpec("UInt8", numbers(lambda view: view.is_page)),
        "link": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.LINK, view)),
        "download": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.DOWNLOAD, view)),
        "artificial": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.ARTIFICIAL, view)),
        "notBounce": FieldSpec("UInt8", hit.not_bounce),
        "deviceCategory": FieldSpec("String", hit.device_category),
        "URL": FieldSpec("String", hit.url),
        "title": FieldSpec("String", hit.title),
        "goalsID": FieldSpec("Array(UInt32)", hit.goals),
        "clientTimeZone": FieldSpec("Int16", hit.client_time_zone),
    }


def build_hit_fields() -> Fields:
    """Every field of hits, by name without its prefix."""
    plain = word_fields(COMMON_WORDS | HIT_WORDS, 400)
    return plain | _source_fields() | _product_fields() | _event_fields() | _own_fields()
