"""The sandbox's fields: all documented names, each a value of its type, and fields that agree (M24)."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from include.metrika.fields.registry import attributed_field
from include.metrika.fields.resolving import FIELDS
from include.metrika.fields.rows import ATTRIBUTED, ATTRIBUTIONS, MARKS
from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.columns.fields import HIT_FIELDS, VISIT_FIELDS, field_type, unknown_fields
from include.metrika_sandbox.columns.word_fields import ATTRIBUTED_WORDS, COMMON_WORDS, FOLLOWERS, HIT_WORDS
from include.metrika_sandbox.traffic.seeded import SeededTraffic
from include.metrika_sandbox.traffic.source import NO_EDITS, RowBlock

DAY = dt.date(2025, 11, 4)
PLAIN = Dialect(extras=frozenset())
PATTERNS = {
    "UInt": r"\d+",
    "Int": r"-?\d+",
    "Date": r"\d{4}-\d\d-\d\d",
    "DateTime": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "Array(UInt": r"\[(\d+(,\d+)*)?\]",
    "Array(Int": r"\[(-?\d+(,-?\d+)*)?\]",
    "Array(Float": r"\[(-?\d+(\.\d+)?(,-?\d+(\.\d+)?)*)?\]",
    "Array(DateTime)": r"\[(\\'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\\',?)*\]",
    "Array(String)": r"\[.*\]",
    "String": r"[^\t\n]*",
}


def block(source: str) -> RowBlock:
    made = SeededTraffic(SandboxConfig(visits_per_day=1500), Faults)
    return next(iter(made.iter_blocks(source, 101, DAY, DAY, NO_EDITS)))


BLOCKS = {source: block(source) for source in ("visits", "hits")}


def pattern_of(type_name: str) -> str:
    return PATTERNS[type_name.rstrip("0123456789)")] if type_name not in PATTERNS else PATTERNS[type_name]


def pairs(source: str, first: str, second: str) -> set[tuple[str, str]]:
    prefix = "ym:s:" if source == "visits" else "ym:pv:"
    columns = [BLOCKS[source].column(prefix + name, PLAIN) for name in (first, second)]
    return set(zip(*columns, strict=True))


class TestDocumentedNames:
    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_know_every_name_of_the_product(self, source: str) -> None:
        assert unknown_fields(source, [name for field in FIELDS[source].values() for name in field.names]) == []

    @pytest.mark.parametrize("prefix", ATTRIBUTIONS)
    def test_should_know_every_field_under_every_attribution(self, prefix: str) -> None:
        found = [attributed_field(prefix, row[0]) for row in (*ATTRIBUTED, *MARKS)]
        assert unknown_fields("visits", [field.api_name for field in found if field is not None]) == []

    def test_should_tell_names_apart_by_case(self) -> None:
        assert unknown_fields("visits", ["ym:s:visitId", "ym:s:visitID"]) == ["ym:s:visitId"]

    def test_should_not_mix_the_sources(self) -> None:
        assert unknown_fields("hits", ["ym:s:visitID", "ym:pv:firstTrafficSource"]) != []

    def test_should_give_old_and_new_names_the_same_values(self) -> None:
        for old, new in (("productsPrice", "purchasedProductPrice"), ("eventsProductID", "productID")):
            assert all(one == other for one, other in pairs("visits", old, new))


class TestValues:
    @pytest.mark.parametrize(
        ("source", "name"), [("visits", name) for name in VISIT_FIELDS] + [("hits", name) for name in HIT_FIELDS]
    )
    def test_should_write_every_value_as_its_type_wants(self, source: str, name: str) -> None:
        wanted = re.compile(pattern_of(field_type(source, name) or ""))
        assert [value for value in BLOCKS[source].column(name, PLAIN) if not wanted.fullmatch(value)] == []


class TestAgreement:
    @pytest.mark.parametrize(("name", "leader"), [("GCLID", "hasGCLID"), ("SBCLID", "hasSBCLID")])
    def test_should_say_that_a_click_id_is_there_when_it_is(self, name: str, leader: str) -> None:
        assert {(bool(value), flag) for value, flag in pairs("visits", name, leader)} == {(True, "1"), (False, "0")}

    @pytest.mark.parametrize("source", ["visits", "hits"])
    def test_should_place_a_city_in_its_country(self, source: str) -> None:
        cities = pairs(source, "regionCity", "regionCountry")
        assert ("Berlin", "Germany") in cities
        assert len(cities) == len({city for city, _ in cities})

    @pytest.mark.parametrize(("name", "leader"), sorted(FOLLOWERS.items()))
    def test_should_have_as_many_words_as_the_field_it_agrees_with(self, name: str, leader: str) -> None:
        table = next(one for one in (COMMON_WORDS, ATTRIBUTED_WORDS, HIT_WORDS) if name in one)
        assert len(table[name][1]) == len(table[leader][1])

    def test_should_price_purchases_by_their_products(self) -> None:
        for ids, revenue, owners, prices in zip(
            *(
                BLOCKS["visits"].column(f"ym:s:{name}", PLAIN)
                for name in ("purchaseID", "purchaseRevenue", "purchasedProductPurchaseID", "purchasedProductPrice")
            ),
            strict=True,
        ):
            total = sum(map(float, filter(None, revenue.strip("[]").split(","))))
            assert total * 1_000_000 == sum(map(int, filter(None, prices.strip("[]").split(","))))
            assert set(owners.strip("[]").split(",")) == set(ids.strip("[]").split(","))
