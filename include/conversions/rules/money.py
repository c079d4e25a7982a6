"""Price and currency of a conversion: exact decimals, known currency codes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from include.errors import InputError

PRICE_DECIMALS = 2
PRICE_LIMIT = Decimal(10) ** 16  # the ledger keeps 18 digits, two of them behind the dot

# Source: ISO 4217, list of active codes.
_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP "
    "GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF "
    "XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_CODES.split())


def parse_price(value: str | int | float | Decimal | None) -> Decimal | None:
    """Read a price without losing a kopeck.

    Args:
        value: a number or its text with a dot; None when there is no price.

    Returns:
        The price with exactly two decimals, or None.

    Raises:
        InputError: not a number, negative, too large, or with more than two decimals (code ``bad_price``).

    >>> parse_price(1500.5)
    Decimal('1500.50')
    """
    if value is None:
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise _bad_price(value) from None
    if isinstance(value, bool) or not price.is_finite() or not 0 <= price < PRICE_LIMIT:
        raise _bad_price(value)
    exact = price.quantize(Decimal(1).scaleb(-PRICE_DECIMALS))
    if exact != price:
        raise _bad_price(value)
    return abs(exact)  # -0 is 0


def format_price(price: Decimal | None) -> str:
    """Write a price for the file: dot, no exponent, no thousands mark.

    Args:
        price: the price, or None.

    Returns:
        The text, empty for None.

    >>> format_price(Decimal("1E+3"))
    '1000.00'
    """
    return "" if price is None else f"{price:.{PRICE_DECIMALS}f}"


def check_currency(code: str | None) -> str:
    """Check a currency code.

    Args:
        code: three letters of ISO 4217, any case; None or empty for none.

    Returns:
        The code in capitals, or an empty text.

    Raises:
        InputError: not a known code (code ``bad_currency``).
    """
    if not code:
        return ""
    currency = code.strip().upper()
    if currency not in CURRENCIES:
        raise InputError(
            f"{code[:16]!r} is not a currency of ISO 4217; use three letters such as RUB.",
            code="bad_currency",
            pointer="/currency",
        )
    return currency


def _bad_price(value: object) -> InputError:
    return InputError(
        f"{str(value)[:32]!r} is not a price; use a number from 0 with at most {PRICE_DECIMALS} decimals and a dot.",
        code="bad_price",
        pointer="/price",
    )
