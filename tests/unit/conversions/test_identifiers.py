from __future__ import annotations

import pytest

from include.conversions.rules.identifiers import IdentifierKind, check_identifier, check_target, pick_identifier
from include.errors import InputError


class TestIdentifierKind:
    def test_should_name_the_four_columns_when_asked(self) -> None:
        assert [kind.column for kind in IdentifierKind] == ["ClientId", "UserId", "Yclid", "PurchaseId"]


class TestPickIdentifier:
    @pytest.mark.parametrize("kind", list(IdentifierKind))
    def test_should_find_the_kind_when_exactly_one_is_given(self, kind: IdentifierKind) -> None:
        values = {one.field: None for one in IdentifierKind} | {kind.field: "175085690441127503"}
        assert pick_identifier(values) == (kind, "175085690441127503")

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({}, "no_identifier"),
            ({"client_id": None}, "no_identifier"),
            ({"client_id": " "}, "no_identifier"),
            ({"client_id": "1", "yclid": "2"}, "several_identifiers"),
        ],
    )
    def test_should_refuse_when_none_or_several_are_given(self, values: dict[str, str | None], code: str) -> None:
        with pytest.raises(InputError) as caught:
            pick_identifier(values)
        assert caught.value.code == code


class TestCheckIdentifier:
    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            (IdentifierKind.CLIENT_ID, "18446744073709551615"),
            (IdentifierKind.YCLID, "1"),
            (IdentifierKind.USER_ID, 'some, "user"'),
            (IdentifierKind.PURCHASE_ID, "заказ-17"),
        ],
    )
    def test_should_keep_an_identifier_when_it_is_sound(self, kind: IdentifierKind, text: str) -> None:
        assert check_identifier(kind, text) == text

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            (IdentifierKind.CLIENT_ID, "0"),
            (IdentifierKind.CLIENT_ID, "18446744073709551616"),
            (IdentifierKind.CLIENT_ID, "1.5"),
            (IdentifierKind.CLIENT_ID, "²"),
            (IdentifierKind.YCLID, "abc"),
            (IdentifierKind.USER_ID, "a\nb"),
            (IdentifierKind.USER_ID, "a\0b"),
            (IdentifierKind.PURCHASE_ID, "x" * 256),
        ],
    )
    def test_should_refuse_an_identifier_when_metrika_could_not_use_it(self, kind: IdentifierKind, text: str) -> None:
        with pytest.raises(InputError) as caught:
            check_identifier(kind, text)
        assert (caught.value.code, caught.value.pointer) == ("bad_identifier", f"/{kind.field}")


class TestCheckTarget:
    @pytest.mark.parametrize("target", ["", "  ", "x" * 256, "a\0b"])
    def test_should_refuse_a_target_when_it_names_no_goal(self, target: str) -> None:
        with pytest.raises(InputError, match="goal identifier"):
            check_target(target)
