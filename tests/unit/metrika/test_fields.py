from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.metrika.fields.kinds import Field, Kind
from include.metrika.fields.resolving import (
    FIELDS,
    HIT_FIELDS,
    VISIT_FIELDS,
    find_field,
    join_names,
    resolve_fields,
    split_fields,
)  # fmt: skip
from include.metrika.fields.rows import ATTRIBUTED, ATTRIBUTIONS

ALL_VISITS = tuple(FIELDS["visits"].values())
# The table of required fields in the protocol's description, with the contract's columns.
REQUIRED_VISITS = {
    "ym:s:visitID": "visit_id", "ym:s:clientID": "client_id", "ym:s:watchIDs": "watch_ids", "ym:s:date": "date",
    "ym:s:dateTime": "started_at", "ym:s:visitDuration": "duration_seconds", "ym:s:pageViews": "page_views",
    "ym:s:bounce": "is_bounce", "ym:s:isNewUser": "is_new_user", "ym:s:deviceCategory": "device_category",
}  # fmt: skip
REQUIRED_HITS = {
    "ym:pv:watchID": "watch_id", "ym:pv:visitID": "visit_id", "ym:pv:clientID": "client_id", "ym:pv:date": "date",
    "ym:pv:dateTime": "hit_at", "ym:pv:isPageView": "is_page_view", "ym:pv:link": "is_link",
    "ym:pv:download": "is_download", "ym:pv:notBounce": "is_not_bounce", "ym:pv:artificial": "is_artificial",
}  # fmt: skip


class TestRegistry:
    def test_should_hold_the_required_columns_when_read(self) -> None:
        assert {field.api_name: field.column for field in VISIT_FIELDS} == REQUIRED_VISITS
        assert {field.api_name: field.column for field in HIT_FIELDS} == REQUIRED_HITS

    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_give_each_field_a_column_of_its_own_when_all_are_loaded(self, source: str) -> None:
        columns = Counter(field.column for field in FIELDS[source].values())
        assert [column for column, count in columns.items() if count > 1] == []
        assert "counter_id" not in columns

    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_name_columns_in_snake_case_and_mean_something_when_listed(self, source: str) -> None:
        for field in FIELDS[source].values():
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field.column), field
            assert field.meaning.endswith("."), field

    def test_should_tell_the_zone_when_it_is_documented(self) -> None:
        zones = {field.api_name: field.zone for field in ALL_VISITS if field.zone}
        assert zones == {
            "ym:s:dateTime": "counter",
            "ym:s:dateTimeUTC": "utc+3",
            "ym:s:goalsDateTime": "utc+3",
        }
        assert all(field.kind.is_time for field in ALL_VISITS if field.zone)

    @pytest.mark.parametrize(
        ("name", "kind", "scale"),
        [
            ("ym:s:goalsPrice", Kind.ARRAY_INT64, 1000),
            ("ym:s:purchaseTax", Kind.ARRAY_FLOAT64, 1_000_000),
            ("ym:s:purchaseRevenue", Kind.ARRAY_FLOAT64, 1),
            ("ym:s:productsPrice", Kind.ARRAY_FLOAT64, 1_000_000),
            ("ym:s:eventsProductPrice", Kind.ARRAY_INT64, 1_000_000),
            ("ym:s:impressionsProductPrice", Kind.ARRAY_INT64, 1_000_000),
            ("ym:s:watchIDs", Kind.ARRAY_UINT64, 1),
            ("ym:s:goalsDateTime", Kind.ARRAY_DATETIME, 1),
            ("ym:s:goalsOrder", Kind.ARRAY_STRING, 1),
            ("ym:s:clientTimeZone", Kind.INT32, 1),
            ("ym:s:counterUserIDHash", Kind.UINT64, 1),
            ("ym:s:parsedParamsKey10", Kind.ARRAY_STRING, 1),
            ("ym:s:lastDirectBannerGroup", Kind.UINT64, 1),
        ],
    )
    def test_should_have_the_documented_kind_when_asked(self, name: str, kind: Kind, scale: int) -> None:
        field = find_field("visits", name)
        assert field is not None
        assert (field.kind, field.scale) == (kind, scale)


class TestFindField:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("ym:s:productsName", "ym:s:purchasedProductName"),
            ("ym:s:productsCategory3", "ym:s:purchasedProductCategoryLevel3"),
            ("ym:s:productsPurchaseID", "ym:s:purchasedProductPurchaseID"),
            ("ym:s:eventsProductID", "ym:s:productID"),
            ("ym:s:eventsProductType", "ym:s:productEventType"),
            ("ym:s:productCategory1", "ym:s:productCategoryLevel1"),
        ],
    )
    def test_should_give_the_current_name_when_an_old_one_is_used(self, old: str, new: str) -> None:
        found = find_field("visits", old)
        assert found is not None
        assert found.api_name == new
        assert old in found.names

    @pytest.mark.parametrize("model", ATTRIBUTIONS)
    @pytest.mark.parametrize("stem", [row[0] for row in ATTRIBUTED])
    def test_should_read_the_attribution_when_it_is_a_prefix(self, model: str, stem: str) -> None:
        found = find_field("visits", f"ym:s:{model}{stem}")
        assert found is not None
        assert found.api_name == f"ym:s:{model}{stem}"
        assert found.column.startswith(f"{model}_")

    @pytest.mark.parametrize(
        ("name", "column"),
        [
            ("ym:s:cross_device_last_significantUTMSource", "cross_device_last_significant_utm_source"),
            ("ym:s:firstUTMSource", "first_utm_source"),
            ("ym:s:UTMSource", "utm_source"),
            ("ym:s:automaticHasGCLID", "automatic_has_gclid"),
            ("ym:s:lastsignhasGCLID", "lastsign_has_gclid"),
            ("ym:pv:lastTrafficSource", "last_traffic_source"),
        ],
    )
    def test_should_find_marks_in_every_spelling_when_asked(self, name: str, column: str) -> None:
        found = find_field("visits" if name.startswith("ym:s:") else "hits", name)
        assert found is not None
        assert found.column == column

    def test_should_take_the_default_model_when_the_placeholder_is_left_in(self) -> None:
        found = find_field("visits", "ym:s:<attribution>TrafficSource")
        assert found is not None
        assert found.api_name == "ym:s:lastsignTrafficSource"

    @pytest.mark.parametrize(
        "name", ["ym:s:nothing", "ym:s:visitid", "visitID", "ym:pv:watchID", "", "ym:s:last", "lastTrafficSource"]
    )
    def test_should_find_nothing_when_the_name_is_wrong(self, name: str) -> None:
        assert find_field("visits", name) is None


class TestM12ResolveFields:
    def test_should_give_the_required_ones_when_nothing_is_added(self) -> None:
        assert resolve_fields("visits") == VISIT_FIELDS
        assert resolve_fields("hits") == HIT_FIELDS

    def test_should_add_each_once_when_names_repeat(self) -> None:
        extra = ["ym:s:referer", "ym:s:visitID", "ym:s:referer", "ym:s:eventsProductID", "ym:s:productID"]
        added = resolve_fields("visits", extra)[len(VISIT_FIELDS) :]
        assert [field.api_name for field in added] == ["ym:s:referer", "ym:s:productID"]

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("ym:s:startUrl", "did you mean ym:s:startURL"),
            ("ym:s:TrafficSource", "TrafficSource"),
            ("ym:pv:bounce", "did you mean ym:s:bounce"),
            ("ym:s:zzzzqqqq", "names are case-sensitive"),
        ],
    )
    def test_should_refuse_with_a_hint_when_the_name_is_unknown(self, name: str, hint: str) -> None:
        with pytest.raises(InputError, match=hint) as caught:
            resolve_fields("visits", [name])
        assert name in str(caught.value)
        assert "METRIKA_VISIT_FIELDS" in str(caught.value)

    def test_should_refuse_when_the_source_is_neither(self) -> None:
        with pytest.raises(InputError, match="use visits or hits"):
            resolve_fields("events")


class TestM2SplitFields:
    def test_should_stay_whole_when_it_fits(self) -> None:
        assert split_fields(VISIT_FIELDS) == (VISIT_FIELDS,)

    def test_should_be_cut_when_every_field_is_asked(self) -> None:
        halves = split_fields(ALL_VISITS)
        assert len(join_names(ALL_VISITS)) > 3000
        assert len(halves) == 2

    @given(st.lists(st.sampled_from(ALL_VISITS), unique=True, max_size=160), st.integers(120, 3000))
    def test_should_carry_the_key_and_lose_nothing_when_cut(self, extra: list[Field], limit: int) -> None:
        fields = tuple(dict.fromkeys((*VISIT_FIELDS, *extra)))
        key = tuple(field for field in fields if field.is_key)
        halves = split_fields(fields, limit)
        assert all(len(join_names(half)) <= limit for half in halves)
        assert all(set(key) <= set(half) for half in halves)
        spread = Counter(field for half in halves for field in half if not field.is_key)
        assert spread == Counter(field for field in fields if not field.is_key)

    def test_should_refuse_when_not_even_one_field_fits(self) -> None:
        with pytest.raises(InputError, match="cannot hold the key"):
            split_fields(VISIT_FIELDS, 30)

    def test_should_join_by_visit_and_day_when_visits_are_cut(self) -> None:
        assert [field.column for field in VISIT_FIELDS if field.is_key] == ["visit_id", "date"]
        assert [field.column for field in HIT_FIELDS if field.is_key] == ["watch_id", "date"]
