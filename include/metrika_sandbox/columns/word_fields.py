"""Fields whose values mean nothing to the product: one of a few words, chosen by the row's id."""

from __future__ import annotations

from include.metrika_sandbox.columns import vocabulary as words
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.columns.field_spec import Fields, FieldSpec, View

Table = dict[str, tuple[str, words.Words]]

# Marks of the click; the visits source has them with and without an attribution model.
MARK_WORDS: Table = {
    "UTMCampaign": ("String", words.CAMPAIGNS),
    "UTMContent": ("String", ("", "", "banner1")),
    "UTMMedium": ("String", ("", "", "cpc", "email")),
    "UTMSource": ("String", ("", "", "yandex", "newsletter")),
    "UTMTerm": ("String", ("", "", "зимние ботинки")),
    "openstatAd": ("String", ("", "", "", "ad17")),
    "openstatCampaign": ("String", ("", "", "", "autumn")),
    "openstatService": ("String", ("", "", "", "direct")),
    "openstatSource": ("String", ("", "", "", "search")),
    "hasGCLID": ("UInt8", ("0", "0", "1")),
    "GCLID": ("String", ("", "", "Cj0KCQ")),
    "hasSBCLID": ("UInt8", ("0", "0", "0", "1")),
    "SBCLID": ("String", ("", "", "", "sb7Kq2")),
}
COMMON_WORDS: Table = MARK_WORDS | {
    "from": ("String", ("", "partner")),
    "ipAddress": ("String", ("198.51.100.xxx", "203.0.113.xxx")),
    "regionCity": ("String", words.CITIES),
    "regionCityID": ("UInt32", ("213", "2", "43", "202", "177", words.Odd("null_mark", None, "0"))),
    "regionCountry": ("String", words.COUNTRIES),
    "regionCountryID": ("UInt32", ("225", "225", "225", "84", "96", "159")),
    "browser": ("String", words.BROWSERS),
    "browserMajorVersion": ("UInt16", ("120", "124", "131")),
    "browserMinorVersion": ("UInt16", ("0", "1")),
    "browserCountry": ("String", ("RU", "US", "")),
    "browserLanguage": ("String", ("ru", "en", "de")),
    "browserEngine": ("String", ("WebKit", "Gecko", "Blink")),
    "browserEngineVersion1": ("UInt16", ("537", "605")),
    "browserEngineVersion2": ("UInt16", ("36", "1")),
    "browserEngineVersion3": ("UInt16", ("0", "15")),
    "browserEngineVersion4": ("UInt16", ("0", "0", "10")),
    "cookieEnabled": ("UInt8", ("1", "1", "1", "0")),
    "javascriptEnabled": ("UInt8", ("1",)),
    "operatingSystem": ("String", words.SYSTEMS),
    "operatingSystemRoot": ("String", words.SYSTEM_ROOTS),
    "mobilePhone": ("String", ("", "Apple", "Samsung", "Xiaomi")),
    "mobilePhoneModel": ("String", ("", "iPhone 15", "Galaxy \\ S24", "Redmi 13")),
    "screenFormat": ("UInt16", ("169", "0", "1610")),
    "screenColors": ("UInt8", ("24", "30")),
    "screenOrientation": ("String", ("1", "2")),
    "screenOrientationName": ("String", ("portrait", "landscape")),
    "screenWidth": ("UInt16", ("1920", "390", "1536")),
    "screenHeight": ("UInt16", ("1080", "844", "864")),
    "physicalScreenWidth": ("UInt16", ("1920", "1170", "3072")),
    "physicalScreenHeight": ("UInt16", ("1080", "2532", "1728")),
    "windowClientWidth": ("UInt16", ("1903", "390", "1519")),
    "windowClientHeight": ("UInt16", ("937", "664", "722")),
    "networkType": ("String", ("", "wifi", "cellular")),
}
ATTRIBUTED_WORDS: Table = {
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
}
HIT_WORDS: Table = {
    "referer": ("String", words.REFERERS),
    "params": ("String", words.PARAMS),
    "ecommerce": ("String", words.ECOMMERCE),
    "httpError": ("String", ("", "", "", "404")),
    "pageCharset": ("String", ("utf-8",)),
    "shareService": ("String", ("", "", "telegram")),
    "shareURL": ("String", ("", "", "https://shop.example/sale")),
    "shareTitle": ("String", ("", "", "Sale")),
    "iFrame": ("UInt8", ("0", "0", "0", "1")),
    "isTurboPage": ("UInt8", ("0", "0", "0", "1")),
    "isTurboApp": ("UInt8", ("0", "0", "0", "0", "1")),
    "event": ("UInt8", ("0",)),
}
# Fields that speak of the same thing: the second chooses the place of the first.
FOLLOWERS = {
    "GCLID": "hasGCLID", "SBCLID": "hasSBCLID", "regionCityID": "regionCity", "regionCountry": "regionCity",
    "regionCountryID": "regionCity", "operatingSystemRoot": "operatingSystem", "mobilePhoneModel": "mobilePhone",
    "screenOrientationName": "screenOrientation", "SearchEngine": "SearchEngineRoot",
    "screenFormat": "screenWidth", "screenHeight": "screenWidth", "physicalScreenWidth": "screenWidth",
    "physicalScreenHeight": "screenWidth", "windowClientWidth": "screenWidth", "windowClientHeight": "screenWidth",
    "DirectClickOrderName": "DirectClickOrder", "DirectBannerGroup": "DirectClickOrder",
    "ClickBannerGroupName": "DirectClickOrder", "DirectClickBanner": "DirectClickOrder",
    "DirectClickBannerName": "DirectClickOrder", "DirectPhraseOrCond": "DirectClickOrder",
    "shareURL": "shareService", "shareTitle": "shareService",
}  # fmt: skip


def word_fields(table: Table, first_salt: int) -> Fields:
    """Make the fields of a table.

    Args:
        table: field name -> type and the words it may hold.
        first_salt: salt of the first field; each further one has the next.

    Returns:
        The fields; those of one thing agree in every row.
    """
    salts = {name: first_salt + place for place, name in enumerate(table)}
    return {
        name: _word_field(type_name, choices, salts[FOLLOWERS.get(name, name)])
        for name, (type_name, choices) in table.items()
    }


def _word_field(type_name: str, choices: words.Words, salt: int) -> FieldSpec:
    def render(view: View, dialect: Dialect) -> list[str]:
        """Texts of the column, one per row."""
        return words.word_column(choices, view.choice(salt, len(choices)), dialect)

    return FieldSpec(type_name, render)
