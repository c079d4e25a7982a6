"""Every field a client may request: name, type, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from include.metrika_sandbox.traffic import hit_columns as hit
from include.metrika_sandbox.traffic import product_columns as shop
from include.metrika_sandbox.traffic import visit_columns as visit
from include.metrika_sandbox.traffic import vocabulary as words
from include.metrika_sandbox.traffic.dialect import Dialect
from include.metrika_sandbox.traffic.ids import to_text
from include.metrika_sandbox.traffic.views import HitView, VisitView

VISITS, HITS = "visits", "hits"
PREFIXES = {VISITS: "ym:s:", HITS: "ym:pv:"}
ATTRIBUTIONS = (
    "", "<attribution>", "first", "last", "lastsign", "last_yandex_direct_click", "cross_device_first",
    "cross_device_last", "cross_device_last_significant", "cross_device_last_yandex_direct_click", "automatic",
)  # fmt: skip
PARAM_LEVELS = 10

View = Any  # VisitView or HitView, as the source of the field says


@dataclass(frozen=True)
class FieldSpec:
    """One field.

    Attributes:
        type_name: documented type in ClickHouse words.
        render: writes the field of every row.
    """

    type_name: str
    render: Callable[[View, Dialect], list[str]]


# Fields whose values mean nothing to the product: one of a few words, chosen by the row's id.
COMMON_WORDS: dict[str, tuple[str, words.Words]] = {
    "UTMCampaign": ("String", words.CAMPAIGNS),
    "UTMContent": ("String", ("", "", "banner1")),
    "UTMMedium": ("String", ("", "", "cpc", "email")),
    "UTMSource": ("String", ("", "", "yandex", "newsletter")),
    "UTMTerm": ("String", ("", "", "зимние ботинки")),
    "from": ("String", ("", "partner")),
    "openstatAd": ("String", ("",)),
    "openstatCampaign": ("String", ("",)),
    "openstatService": ("String", ("",)),
    "openstatSource": ("String", ("",)),
    "hasGCLID": ("UInt8", ("0", "0", "1")),
    "ipAddress": ("String", ("198.51.100.xxx", "203.0.113.xxx")),
    "regionCountry": ("String", words.COUNTRIES),
    "regionCity": ("String", words.CITIES),
    "regionCountryID": ("UInt32", ("225", "159", "84", "96")),
    "regionCityID": ("UInt32", ("213", "2", "43", "202", words.Odd("null_mark", None, "0"))),
    "browser": ("String", words.BROWSERS),
    "browserMajorVersion": ("UInt16", ("120", "124", "131")),
    "browserMinorVersion": ("UInt16", ("0", "1")),
    "browserCountry": ("String", ("RU", "US", "")),
    "browserLanguage": ("String", ("ru", "en", "de")),
    "browserEngine": ("String", ("WebKit", "Gecko", "Blink")),
    "browserEngineVersion1": ("UInt16", ("537", "605")),
    "browserEngineVersion2": ("UInt16", ("36", "1")),
    "browserEngineVersion3": ("UInt16", ("0", "15")),
    "browserEngineVersion4": ("UInt16", ("0",)),
    "cookieEnabled": ("UInt8", ("1", "1", "1", "0")),
    "javascriptEnabled": ("UInt8", ("1",)),
    "operatingSystem": ("String", words.SYSTEMS),
    "operatingSystemRoot": ("String", words.SYSTEM_ROOTS),
    "mobilePhone": ("String", ("", "Apple", "Samsung", "Xiaomi")),
    "mobilePhoneModel": ("String", ("", "iPhone 15", "Galaxy \\ S24")),
    "screenFormat": ("UInt16", ("1610", "169", "0")),
    "screenColors": ("UInt8", ("24", "30")),
    "screenOrientation": ("String", ("1", "2")),
    "screenWidth": ("UInt16", ("1920", "390", "1536")),
    "screenHeight": ("UInt16", ("1080", "844", "864")),
    "physicalScreenWidth": ("UInt16", ("1920", "1170", "3072")),
    "physicalScreenHeight": ("UInt16", ("1080", "2532", "1728")),
    "windowClientWidth": ("UInt16", ("1903", "390", "1519")),
    "windowClientHeight": ("UInt16", ("937", "664", "722")),
    "networkType": ("String", ("", "wifi", "cellular")),
}
ATTRIBUTED_WORDS: dict[str, tuple[str, words.Words]] = {
    "TrafficSource": ("String", words.TRAFFIC_SOURCES),
    "AdvEngine": ("String", words.AD_ENGINES),
    "ReferalSource": ("String", ("", "news.example")),
    "SearchEngineRoot": ("String", words.SEARCH_ENGINES),
    "SearchEngine": ("String", words.SEARCH_ENGINES),
    "SearchPhrase": ("String", ("", 'boots "north"', "купить ботинки")),
    "SocialNetwork": ("String", words.SOCIAL_NETWORKS),
    "SocialNetworkProfile": ("String", ("", "shop")),
    "DirectClickOrder": ("UInt32", ("0", "0", "40012345")),
    "DirectClickOrderName": ("String", ("", "", "Autumn, 2025")),
    "DirectBannerGroup": ("UInt32", ("0", "0", "50012345")),
    "ClickBannerGroupName": ("String", ("", "", "Boots")),
    "DirectClickBanner": ("String", ("", "", "1234567890")),
    "DirectClickBannerName": ("String", ("", "", "Warm boots")),
    "DirectPhraseOrCond": ("String", ("", "", "boots -cheap")),
    "DirectPlatformType": ("String", ("", "search", "context")),
    "DirectPlatform": ("String", ("", "ya.ru")),
    "DirectConditionType": ("String", ("", "phrase")),
    "CurrencyID": ("String", ("RUB", "USD")),
    "GCLID": ("String", ("", "", "Cj0KCQ")),
}
HIT_WORDS: dict[str, tuple[str, words.Words]] = {
    "referer": ("String", words.REFERERS),
    "params": ("String", words.PARAMS),
    "ecommerce": ("String", words.ECOMMERCE),
    "httpError": ("String", ("", "", "", "404")),
    "pageCharset": ("String", ("utf-8",)),
    "shareService": ("String", ("", "", "telegram")),
    "shareURL": ("String", ("",)),
    "shareTitle": ("String", ("",)),
    "iFrame": ("UInt8", ("0",)),
    "event": ("UInt8", ("0",)),
    "GCLID": ("String", ("", "Cj0KCQ")),
}
PURCHASE_WORDS = {"Affiliation": "main store", "Coupon": "", "Currency": "RUB"}
PURCHASE_NUMBERS = {
    "Revenue": ("Array(Float64)", "4990.5"),
    "Tax": ("Array(Float64)", "831750000"),
    "Shipping": ("Array(Float64)", "300"),
    "ProductQuantity": ("Array(Int64)", "1"),
}
CALL_FIELDS = {
    "TalkDuration": "Array(UInt32)", "HoldDuration": "Array(UInt32)", "Missed": "Array(UInt32)",
    "FirstTimeCaller": "Array(UInt32)", "Tag": "Array(String)", "URL": "Array(String)",
}  # fmt: skip
OLD_AND_NEW = {  # start of the old name, start of the new one, group
    shop.PURCHASED: ("products", "purchasedProduct"),
    shop.VIEWED: ("eventsProduct", "product"),
    shop.SHOWN: ("impressionsProduct", "impressionsProduct"),
}


def _word_spec(type_name: str, choices: words.Words, salt: int) -> FieldSpec:
    def render(view: VisitView | HitView, dialect: Dialect) -> list[str]:
        return words.word_column(choices, view.choice(salt, len(choices)), dialect)

    return FieldSpec(type_name, render)


def _word_fields(table: dict[str, tuple[str, words.Words]], first_salt: int) -> dict[str, FieldSpec]:
    return {
        name: _word_spec(type_name, choices, first_salt + place)
        for place, (name, (type_name, choices)) in enumerate(table.items())
    }


def _numbers(value: Callable[[Any], Any]) -> Callable[[Any, Dialect], list[str]]:
    return lambda view, dialect: to_text(value(view))


def _always(text: str) -> Callable[[VisitView, Dialect], list[str]]:
    return lambda view, dialect: [text] * len(view.ids)


def _attributed() -> dict[str, FieldSpec]:
    plain = _word_fields(ATTRIBUTED_WORDS, 300)
    plain["RecommendationSystem"] = FieldSpec("String", partial(visit.channels, 0))
    plain["Messenger"] = FieldSpec("String", partial(visit.channels, 1))
    utm = {name: spec for name, spec in _word_fields(COMMON_WORDS, 200).items() if name.startswith("UTM")}
    return {f"{attribution}{name}": spec for attribution in ATTRIBUTIONS for name, spec in (plain | utm).items()}


def _shop_fields() -> dict[str, FieldSpec]:
    fields: dict[str, FieldSpec] = {}
    for group, starts in OLD_AND_NEW.items():
        for ending, (type_name, render) in shop.product_columns(group).items():
            fields |= {start + ending: FieldSpec(type_name, render) for start in starts}
    for start in OLD_AND_NEW[shop.PURCHASED]:
        fields[f"{start}PurchaseID"] = FieldSpec("Array(String)", shop.purchase_of_product)
    for start in OLD_AND_NEW[shop.VIEWED]:
        fields[f"{start}EventTime"] = FieldSpec("Array(DateTime)", shop.viewed_times)
    fields["impressionsURL"] = FieldSpec("Array(String)", shop.shown_urls)
    fields["impressionsDateTime"] = FieldSpec("Array(DateTime)", shop.shown_times)
    fields["purchaseID"] = FieldSpec("Array(String)", visit.purchase_id)
    fields["purchaseDateTime"] = FieldSpec("Array(DateTime)", visit.purchase_times)
    for ending, text in PURCHASE_WORDS.items():
        fields[f"purchase{ending}"] = FieldSpec("Array(String)", partial(visit.purchase_texts, text))
    for ending, (type_name, number) in PURCHASE_NUMBERS.items():
        fields[f"purchase{ending}"] = FieldSpec(type_name, _purchase_numbers(number))
    return fields


def _purchase_numbers(number: str) -> Callable[[VisitView, Dialect], list[str]]:
    return lambda view, dialect: visit.purchase_numbers(number, view)


def _visit_fields() -> dict[str, FieldSpec]:
    fields: dict[str, FieldSpec] = _attributed() | _word_fields(COMMON_WORDS, 200) | _shop_fields()
    fields |= {
        "visitID": FieldSpec("UInt64", _numbers(lambda view: view.ids)),
        "counterID": FieldSpec("UInt32", visit.counter_id),
        "clientID": FieldSpec("UInt64", _numbers(lambda view: view.block.heads.client_ids)),
        "counterUserIDHash": FieldSpec("UInt64", visit.user_hash),
        "watchIDs": FieldSpec("Array(UInt64)", visit.watch_ids),
        "date": FieldSpec("Date", visit.dates),
        "dateTime": FieldSpec("DateTime", visit.times),
        "dateTimeUTC": FieldSpec("DateTime", visit.date_time_utc),
        "visitDuration": FieldSpec("UInt32", _numbers(lambda view: view.block.durations)),
        "pageViews": FieldSpec("Int32", _numbers(lambda view: view.block.page_views)),
        "bounce": FieldSpec("UInt8", visit.bounce),
        "isNewUser": FieldSpec("UInt8", _numbers(lambda view: view.is_new)),
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
        "lastSignificantGCLID": FieldSpec("String", _always("")),
    }
    for level in range(1, PARAM_LEVELS + 1):
        fields[f"parsedParamsKey{level}"] = FieldSpec("Array(String)", partial(visit.param_keys, level))
    for ending, type_name in CALL_FIELDS.items():
        fields[f"offlineCall{ending}"] = FieldSpec(type_name, _always("[]"))
    return fields


def _hit_fields() -> dict[str, FieldSpec]:
    fields: dict[str, FieldSpec] = _attributed() | _word_fields(COMMON_WORDS | HIT_WORDS, 400)
    fields |= {
        "watchID": FieldSpec("UInt64", _numbers(lambda view: view.ids)),
        "pageViewID": FieldSpec("UInt32", hit.page_view_id),
        "visitID": FieldSpec("UInt64", hit.visit_id),
        "counterID": FieldSpec("UInt32", hit.counter_id),
        "clientID": FieldSpec("UInt64", hit.client_id),
        "counterUserIDHash": FieldSpec("UInt64", hit.user_hash),
        "date": FieldSpec("Date", hit.dates),
        "dateTime": FieldSpec("DateTime", hit.times),
        "isPageView": FieldSpec("UInt8", _numbers(lambda view: view.is_page)),
        "link": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.LINK, view)),
        "download": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.DOWNLOAD, view)),
        "artificial": FieldSpec("UInt8", lambda view, dialect: hit.event_kind(hit.ARTIFICIAL, view)),
        "notBounce": FieldSpec("UInt8", hit.not_bounce),
        "deviceCategory": FieldSpec("String", hit.device_category),
        "URL": FieldSpec("String", hit.url),
        "title": FieldSpec("String", hit.title),
        "goalsID": FieldSpec("Array(UInt32)", hit.goals),
        "clientTimeZone": FieldSpec("Int16", lambda view, dialect: ["180"] * len(view.places)),
    }
    for level in range(1, PARAM_LEVELS + 1):
        fields[f"parsedParamsKey{level}"] = FieldSpec("Array(String)", lambda view, dialect: ["[]"] * len(view.places))
    return fields


VISIT_FIELDS = {f"ym:s:{name}": spec for name, spec in _visit_fields().items()}
HIT_FIELDS = {f"ym:pv:{name}": spec for name, spec in _hit_fields().items()}


def field_type(source: str, name: str) -> str | None:
    """Documented type of a field; None when the source has no such field."""
    spec = VISIT_FIELDS.get(name) if source == VISITS else HIT_FIELDS.get(name)
    return None if spec is None else spec.type_name


def unknown_fields(source: str, names: Sequence[str]) -> list[str]:
    """The names that the source does not have, in order."""
    return [name for name in names if field_type(source, name) is None]
