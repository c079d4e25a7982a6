"""P1: every cell of the type table, accepted and not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema

MISMATCH, LONG, RANGE, ENUM = "attr_type_mismatch", "attr_too_long", "out_of_range", "enum_value"
S, I, N, B, D, E = (  # noqa: E741 - one letter per row of the table
    AttributeType.STRING, AttributeType.INTEGER, AttributeType.NUMBER,
    AttributeType.BOOLEAN, AttributeType.DATETIME, AttributeType.ENUM,
)  # fmt: skip

TAKEN: list[tuple[AttributeType, Any, Any]] = [
    (S, "", ""), (S, "diode", "diode"), (S, "x" * 1024, "x" * 1024), (S, "😀" * 1024, "😀" * 1024), (S, "12", "12"),
    (I, 0, 0), (I, -5, -5), (I, 1.0, 1), (I, -0.0, 0), (I, 2**63 - 1, 2**63 - 1), (I, -(2**63), -(2**63)),
    (I, 1e18, 10**18), (I, -9223372036854775808.0, -(2**63)),
    (N, 0, 0), (N, 1.5, 1.5), (N, -3, -3), (N, 1e308, 1e308), (N, 5e-324, 5e-324), (N, 2**53 + 1, 2**53 + 1),
    (B, True, True), (B, False, False),
    (D, "2025-07-01T12:00:00Z", None), (D, "2025-07-01T12:00:00.123456789+03:00", None),
    (D, "2024-02-29T23:59:59-11:30", None), (D, "1955-01-01t00:00:00z", None), (D, "0001-01-01T00:00:00Z", None),
    (E, "red", "red"), (E, "", ""), (E, "Зелёный", "Зелёный"),
]  # fmt: skip
REFUSED: list[tuple[AttributeType, Any, str]] = [
    (S, 12, MISMATCH), (S, 1.5, MISMATCH), (S, True, MISMATCH), (S, ["a"], MISMATCH), (S, {}, MISMATCH),
    (S, "x" * 1025, LONG), (S, "😀" * 1025, LONG),
    (I, "12", MISMATCH), (I, True, MISMATCH), (I, False, MISMATCH), (I, 1.5, MISMATCH), (I, [1], MISMATCH),
    (I, {"a": 1}, MISMATCH), (I, 2**63, RANGE), (I, -(2**63) - 1, RANGE), (I, 1e19, RANGE),
    (I, 9223372036854775808.0, RANGE),
    (I, 12345678901234567890, RANGE), (I, math.inf, MISMATCH), (I, math.nan, MISMATCH),
    (N, "1.5", MISMATCH), (N, True, MISMATCH), (N, False, MISMATCH), (N, [], MISMATCH), (N, {}, MISMATCH),
    (N, math.nan, MISMATCH), (N, math.inf, RANGE), (N, -math.inf, RANGE), (N, 10**400, RANGE),
    (B, 0, MISMATCH), (B, 1, MISMATCH), (B, "true", MISMATCH), (B, 1.0, MISMATCH), (B, [], MISMATCH),
    (D, 1751371200, MISMATCH), (D, 1.5, MISMATCH), (D, True, MISMATCH), (D, "", MISMATCH), (D, "yesterday", MISMATCH),
    (D, "2025-07-01", MISMATCH), (D, "2025-07-01T12:00:00", MISMATCH), (D, "2025-07-01 12:00:00Z", MISMATCH),
    (D, "2025-02-29T12:00:00Z", MISMATCH), (D, "2025-04-31T12:00:00Z", MISMATCH), (D, "2025-13-01T12:00:00Z", MISMATCH),
    (D, "2025-07-01T24:00:00Z", MISMATCH), (D, "2025-07-01T12:60:00Z", MISMATCH),
    (D, "2025-06-30T23:59:60Z", MISMATCH),
    (D, "2025-07-01T12:00:00+24:00", MISMATCH), (D, "2025-07-01T12:00:00+0300", MISMATCH),
    (D, "0000-01-01T00:00:00Z", MISMATCH), (D, "2025-07-01T12:00:00Z\n", MISMATCH),
    (D, "٢025-07-01T12:00:00Z", MISMATCH),
    (D, "20250701T120000Z", MISMATCH), (D, "2025-W27-2T12:00:00Z", MISMATCH), (D, ["2025-07-01T12:00:00Z"], MISMATCH),
    (E, "Red", ENUM), (E, " red", ENUM), (E, "violet", ENUM), (E, 0, ENUM), (E, 1.5, ENUM), (E, True, ENUM),
    (E, ["red"], ENUM), (E, {"red": 1}, ENUM),
]  # fmt: skip


def schema_of(kind: AttributeType, **more: Any) -> EventSchema:
    values = ("red", "", "Зелёный") if kind is E else ()
    return EventSchema("e", "e-1", 1, (Attribute("a", kind, values=values, **more),))


class TestTypeTable:
    @pytest.mark.parametrize("is_strict", [True, False])
    @pytest.mark.parametrize(("kind", "value", "kept"), TAKEN)
    def test_should_take_a_value_of_its_type(self, kind: AttributeType, value: Any, kept: Any, is_strict: bool) -> None:
        found = schema_of(kind).check({"a": value}, is_strict=is_strict)
        wanted = value if kept is None else kept
        assert (found.fault, found.props, type(found.props["a"])) == (None, {"a": wanted}, type(wanted))

    @pytest.mark.parametrize("is_strict", [True, False])
    @pytest.mark.parametrize(("kind", "value", "code"), REFUSED)
    def test_should_refuse_any_other_value(self, kind: AttributeType, value: Any, code: str, is_strict: bool) -> None:
        fault = schema_of(kind).check({"a": value}, is_strict=is_strict).fault
        assert fault is not None
        assert (fault.code, fault.pointer) == (code, "/a")

    @pytest.mark.parametrize("kind", AttributeType)
    def test_should_take_null_for_absent_when_optional(self, kind: AttributeType) -> None:
        assert schema_of(kind).check({"a": None}, is_strict=True) == ({}, (), None)

    @pytest.mark.parametrize("kind", AttributeType)
    def test_should_take_null_for_missing_when_required(self, kind: AttributeType) -> None:
        fault = schema_of(kind, is_required=True).check({"a": None}, is_strict=False).fault
        assert fault is not None
        assert (fault.code, fault.pointer) == ("missing_attr", "/a")

    @pytest.mark.parametrize(("length", "code"), [(3, None), (4, LONG)])
    def test_should_count_characters_when_a_length_is_given(self, length: int, code: str | None) -> None:
        fault = schema_of(S, max_length=3).check({"a": "é" * length}, is_strict=True).fault
        assert (fault.code if fault else None) == code

    @pytest.mark.parametrize("value", [987_654, 10**400, "secret" * 300, 98.765, "violet"])
    def test_should_never_repeat_the_value_in_a_message(self, value: Any) -> None:
        for kind in AttributeType:
            fault = schema_of(kind).check({"a": value}, is_strict=True).fault
            assert fault is None or str(value) not in fault.message
