from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.conversions.rules.money import check_currency, format_price, parse_price
from include.errors import InputError


class TestParsePrice:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, ""),
            (0, "0.00"),
            (1500.5, "1500.50"),
            ("1E+3", "1000.00"),
            ("-0", "0.00"),
            ("9" * 16, "9" * 16 + ".00"),
        ],
    )
    def test_should_write_a_dot_and_no_exponent_when_a_price_is_sound(self, value: object, text: str) -> None:
        assert format_price(parse_price(value)) == text  # type: ignore[arg-type]

    @pytest.mark.parametrize("value", ["", "12,50", "1 500", "-0.01", "nan", "inf", "0.001", 1e17, True])
    def test_should_refuse_a_price_when_it_would_not_survive(self, value: object) -> None:
        with pytest.raises(InputError) as caught:
            parse_price(value)  # type: ignore[arg-type]
        assert (caught.value.code, caught.value.pointer) == ("bad_price", "/price")

    @given(st.decimals(0, 10**15, places=2))
    def test_should_keep_every_kopeck_when_a_price_is_written(self, price: Decimal) -> None:
        assert Decimal(format_price(parse_price(price))) == price


class TestCheckCurrency:
    @pytest.mark.parametrize(("code", "kept"), [("RUB", "RUB"), ("usd", "USD"), (None, ""), ("", "")])
    def test_should_give_capitals_when_the_code_is_known(self, code: str | None, kept: str) -> None:
        assert check_currency(code) == kept

    @pytest.mark.parametrize("code", ["RUR", "RU", "ROUBLE", "643", "R,B"])
    def test_should_refuse_a_code_when_iso_4217_lacks_it(self, code: str) -> None:
        with pytest.raises(InputError, match="ISO 4217"):
            check_currency(code)
