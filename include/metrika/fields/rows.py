"""The documented fields that visits and hits share, one row each.

A row is (end of the API name, kind, column, meaning); an empty column means the name in snake case.

Source:
    "Visits", "Events" and "Parametrization" pages of the Logs API.
"""

from __future__ import annotations

from include.metrika.fields.kinds import Kind

Row = tuple[str, Kind, str, str]
T, U8, U32 = Kind.STRING, Kind.UINT8, Kind.UINT32
TEXTS, TIMES = Kind.ARRAY_STRING, Kind.ARRAY_DATETIME
COUNTS, WHOLES, REALS = Kind.ARRAY_UINT32, Kind.ARRAY_INT64, Kind.ARRAY_FLOAT64

ATTRIBUTIONS = (
    "first",
    "last",
    "lastsign",
    "last_yandex_direct_click",
    "cross_device_first",
    "cross_device_last",
    "cross_device_last_significant",
    "cross_device_last_yandex_direct_click",
    "automatic",
)
DEFAULT_ATTRIBUTION = "lastsign"  # what Metrika uses when nothing is said
PARAM_LEVELS = range(1, 11)
CATEGORY_LEVELS = range(1, 6)
MICRO, MILLI = 1_000_000, 1000  # documented factors of money

DEVICE: tuple[Row, ...] = (
    ("deviceCategory", T, "", "Device: 1 desktop, 2 phone, 3 tablet, 4 TV; may be empty."),
    ("mobilePhone", T, "device_maker", "Maker of the device."),
    ("mobilePhoneModel", T, "device_model", "Model of the device."),
    ("operatingSystemRoot", T, "", "Family of operating systems."),
    ("operatingSystem", T, "", "Operating system in detail."),
    ("browser", T, "", "Browser."),
    ("browserMajorVersion", U32, "", "Major version of the browser."),
    ("browserMinorVersion", U32, "", "Minor version of the browser."),
    ("browserEngine", T, "", "Browser engine."),
    ("browserEngineVersion1", U32, "", "Engine version, major."),
    ("browserEngineVersion2", U32, "", "Engine version, minor."),
    ("browserEngineVersion3", U32, "", "Engine version, build."),
    ("browserEngineVersion4", U32, "", "Engine version, revision."),
    ("browserLanguage", T, "", "Language of the browser."),
    ("browserCountry", T, "", "Country of the browser."),
    ("clientTimeZone", Kind.INT32, "client_zone_offset_minutes", "Visitor's offset from UTC."),
    ("cookieEnabled", U8, "has_cookies", "1 when cookies are on."),
    ("javascriptEnabled", U8, "has_javascript", "1 when JavaScript is on."),
    ("screenFormat", T, "", "Aspect ratio of the screen."),
    ("screenColors", U32, "screen_color_bits", "Colour depth."),
    ("screenOrientation", T, "", "Orientation: 1 portrait, 2 landscape."),
    ("screenOrientationName", T, "", "Orientation in words."),
    ("screenWidth", U32, "screen_width_pixels", "Logical width of the screen."),
    ("screenHeight", U32, "screen_height_pixels", "Logical height of the screen."),
    ("physicalScreenWidth", U32, "physical_screen_width_pixels", "Physical width of the screen."),
    ("physicalScreenHeight", U32, "physical_screen_height_pixels", "Physical height of the screen."),
    ("windowClientWidth", U32, "window_width_pixels", "Width of the window."),
    ("windowClientHeight", U32, "window_height_pixels", "Height of the window."),
)
PLACE: tuple[Row, ...] = (
    ("ipAddress", T, "", "IP address as Metrika shows it."),
    ("regionCountry", T, "", "Country, ISO code."),
    ("regionCity", T, "", "City, English name."),
    ("regionCountryID", U32, "", "Country id."),
    ("regionCityID", U32, "", "City id."),
    ("networkType", T, "", "Kind of connection; deprecated by Metrika."),
)
LABELS: tuple[Row, ...] = (
    ("from", T, "from_label", "Value of the from label."),
    ("referer", T, "", "Address of the page before."),
    ("counterID", U32, "reported_counter_id", "Counter id as the log repeats it."),
    ("counterUserIDHash", Kind.UINT64, "", "Visitor id behind Metrika's count of unique visitors."),
)
# Marks of the click: with an attribution prefix or without one.
MARKS: tuple[Row, ...] = (
    ("UTMCampaign", T, "", "UTM campaign."),
    ("UTMContent", T, "", "UTM content."),
    ("UTMMedium", T, "", "UTM medium."),
    ("UTMSource", T, "", "UTM source."),
    ("UTMTerm", T, "", "UTM term."),
    ("openstatAd", T, "", "Openstat ad."),
    ("openstatCampaign", T, "", "Openstat campaign."),
    ("openstatService", T, "", "Openstat service."),
    ("openstatSource", T, "", "Openstat source."),
    ("hasGCLID", U8, "", "1 when the click carried a GCLID."),
    ("GCLID", T, "", "GCLID of the click."),
    ("hasSBCLID", U8, "", "1 when the click carried an SBCLID."),
    ("SBCLID", T, "", "SBCLID of the click."),
)
# Traffic source of a visit: only with an attribution prefix.
ATTRIBUTED: tuple[Row, ...] = (
    ("TrafficSource", T, "", "Kind of traffic source."),
    ("AdvEngine", T, "", "Advertising system."),
    ("ReferalSource", T, "referral_source", "Site the visitor came from."),
    ("SearchEngineRoot", T, "", "Search engine."),
    ("SearchEngine", T, "", "Search engine in detail."),
    ("SocialNetwork", T, "", "Social network."),
    ("SocialNetworkProfile", T, "", "Page of the social network."),
    # Documented as 32 bits, while group ids above 2^32 are seen in public data.
    ("DirectClickOrder", Kind.UINT64, "", "Yandex Direct campaign id."),
    ("DirectBannerGroup", Kind.UINT64, "", "Yandex Direct ad group id."),
    ("DirectClickBanner", T, "", "Yandex Direct ad id."),
    ("DirectClickOrderName", T, "", "Yandex Direct campaign name."),
    ("ClickBannerGroupName", T, "", "Yandex Direct ad group name."),
    ("DirectClickBannerName", T, "", "Yandex Direct ad name."),
    ("DirectPhraseOrCond", T, "", "Yandex Direct phrase or condition."),
    ("DirectPlatformType", T, "", "Yandex Direct kind of platform."),
    ("DirectPlatform", T, "", "Yandex Direct platform."),
    ("DirectConditionType", T, "", "Yandex Direct kind of condition."),
    ("CurrencyID", T, "", "Currency."),
    ("RecommendationSystem", T, "", "Recommendation systems; a text that holds a list."),
    ("Messenger", T, "", "Messengers; a text that holds a list."),
)
PURCHASES: tuple[Row, ...] = (
    ("purchaseID", TEXTS, "purchase_ids", "Purchases, ids unique inside the visit."),
    ("purchaseRevenue", REALS, "purchase_revenues", "Revenue of each purchase, true value."),
    ("purchaseTax", REALS, "purchase_taxes", "Tax of each purchase, times 1,000,000."),
    ("purchaseShipping", REALS, "purchase_shippings", "Delivery cost of each purchase."),
    ("purchaseCoupon", TEXTS, "purchase_coupons", "Coupon of each purchase."),
    ("purchaseCurrency", TEXTS, "purchase_currencies", "Currency of each purchase."),
    ("purchaseProductQuantity", WHOLES, "purchase_product_counts", "Products in each purchase."),
)
PROMOTIONS: tuple[Row, ...] = (
    ("promotionID", TEXTS, "promotion_ids", "Promotions seen."),
    ("promotionName", TEXTS, "promotion_names", "Name of each promotion."),
    ("promotionCreative", TEXTS, "promotion_creatives", "Banner of each promotion."),
    ("promotionPosition", TEXTS, "promotion_positions", "Place of each banner."),
    ("promotionCreativeSlot", TEXTS, "promotion_creative_slots", "Slot of each banner."),
)
CALLS: tuple[Row, ...] = (
    ("offlineCallTalkDuration", COUNTS, "call_talk_seconds", "Talking time of each call."),
    ("offlineCallHoldDuration", COUNTS, "call_hold_seconds", "Waiting time of each call."),
    ("offlineCallMissed", COUNTS, "call_is_missed", "1 for each missed call."),
    ("offlineCallTag", TEXTS, "call_tags", "Free label of each call."),
    ("offlineCallFirstTimeCaller", WHOLES, "call_is_first", "1 for each first call of a caller."),
    ("offlineCallURL", TEXTS, "call_urls", "Page of each call."),
)
PARAMS: tuple[Row, ...] = tuple(
    (f"parsedParamsKey{level}", TEXTS, "", f"Parameters, level {level}.") for level in PARAM_LEVELS
)
VISIT_ROWS: tuple[Row, ...] = (
    ("startURL", T, "", "Page of entry; may hold personal data."),
    ("endURL", T, "", "Page of exit; may hold personal data."),
    ("goalsID", COUNTS, "goal_ids", "Goals reached."),
    ("goalsSerialNumber", COUNTS, "goal_serial_numbers", "Number of the reach, per goal."),
    ("goalsOrder", TEXTS, "goal_orders", "Order of each goal reached."),
    ("goalsCurrency", TEXTS, "goal_currencies", "Currency of each goal reached."),
    ("purchaseDateTime", TIMES, "purchased_at", "Time of each purchase."),
    ("purchaseAffiliation", TEXTS, "purchase_affiliations", "Shop of each purchase."),
    ("impressionsURL", TEXTS, "impression_urls", "Page of each product shown."),
    ("impressionsDateTime", TIMES, "impression_at", "Time of each product shown."),
    ("promotionEventTime", TIMES, "promotion_event_at", "Time of each promotion event."),
    # Documented as small numbers, described as words: kept as text, which holds both.
    ("promotionType", TEXTS, "promotion_types", "Kind of each promotion event."),
)
HIT_ROWS: tuple[Row, ...] = (
    ("pageViewID", U32, "", "Page view the event belongs to."),
    ("title", T, "", "Title of the page."),
    ("pageCharset", T, "", "Encoding of the page."),
    ("goalsID", COUNTS, "goal_ids", "Goals reached by the event, offline ones too since 12 Aug 2025."),
    ("URL", T, "", "Address of the page; may hold personal data."),
    ("lastTrafficSource", T, "", "Kind of traffic source."),
    ("lastSearchEngineRoot", T, "", "Search engine."),
    ("lastSearchEngine", T, "", "Search engine in detail."),
    ("lastAdvEngine", T, "", "Advertising system."),
    ("lastSocialNetwork", T, "", "Social network."),
    ("lastSocialNetworkProfile", T, "", "Page of the social network."),
    ("recommendationSystem", T, "", "Recommendation system."),
    ("messenger", T, "", "Messenger."),
    ("isTurboPage", U8, "", "1 when the event was on a Turbo page."),
    ("isTurboApp", U8, "", "1 when the event was in a Turbo service."),
    ("iFrame", U8, "is_in_frame", "1 when the event was in a frame."),
    ("ecommerce", T, "", "E-commerce data, JSON text."),
    ("params", T, "", "Parameters, JSON text."),
    ("httpError", T, "", "HTTP error code of the page."),
    ("shareService", T, "", "Service of the share button."),
    ("shareURL", T, "", "Address that was shared."),
    ("shareTitle", T, "", "Title that was shared."),
    ("promotionEventType", TEXTS, "promotion_types", "Kind of each promotion event."),
)
