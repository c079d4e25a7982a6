from __future__ import annotations

import sys
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.schemas.names import code_of, event_name_of, is_code


class TestEventNameOf:
    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("number of product views", "number_of_product_views"),
            ("Number-Of.Product/Views", "number_of_product_views"),
            ("  __view page__  ", "view_page"),
            ("number_of_product_views", "number_of_product_views"),
            ("Просмотр Товара №7", "просмотр_товара_no7"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("\ufb01le", "file"),
            ("①st", "1st"),
            ("カート", "カート"),
            ("a" * 100, "a" * 100),
            ("-" * 5000 + "a", "a"),
        ],
    )
    def test_should_bring_a_name_into_its_one_spelling(self, sent: str, name: str) -> None:
        assert event_name_of(sent) == name

    @pytest.mark.parametrize("sent", ["", " ", "___", "—!?", "\u200b", "\ud800", "a" * 101, "ﷺ" * 40])
    def test_should_refuse_when_nothing_or_too_much_is_left(self, sent: str) -> None:
        with pytest.raises(InputError) as refused:
            event_name_of(sent)
        assert refused.value.code == "bad_name"

    @given(st.text(max_size=60))
    def test_should_not_change_a_name_twice(self, text: str) -> None:
        try:
            name = event_name_of(text)
        except InputError:
            return
        assert event_name_of(name) == name

    def test_should_not_change_any_single_character_twice(self) -> None:
        folded = (chr(point) for point in range(sys.maxunicode + 1))
        changing = [char for char in folded if unicodedata.normalize("NFKC", char).casefold() != char]
        names = [event_name_of(f"x{char}x") for char in changing]
        assert (len(changing) > 5000, [name for name in names if event_name_of(name) != name]) == (True, [])

    @given(st.text(max_size=40))
    def test_should_give_capitals_the_same_name(self, text: str) -> None:
        try:
            name = event_name_of(text.lower())
        except InputError:
            return
        assert event_name_of(text.lower().title() if text.isascii() else text.lower()) == name


class TestCodeOf:
    @pytest.mark.parametrize(
        ("text", "joint", "word"),
        [
            ("Electronic-Shop", "-", "electronic-shop"),
            ("number_of_product_views", "_", "number_of_product_views"),
            ("Магазин", "-", "app"),
            ("Café №5!", "-", "cafe-no5"),
            ("заказ_2", "-", "2"),
            ("--", "-", "app"),
        ],
    )
    def test_should_join_ascii_words_and_a_uuid(self, text: str, joint: str, word: str) -> None:
        code = code_of(text, fallback="app", joint=joint)
        assert (code[:-37], uuid.UUID(code[-36:]).version) == (word, 4)

    def test_should_differ_each_time(self) -> None:
        assert len({code_of("a", fallback="app", joint="-") for _ in range(100)}) == 100

    @given(st.text(max_size=100), st.sampled_from("-_"))
    def test_should_have_the_form_of_a_code(self, text: str, joint: str) -> None:
        assert is_code(code_of(text, fallback="app", joint=joint))


class TestIsCode:
    @pytest.mark.parametrize("text", ["", "A", "a b", "a\0", "é", "a/b", "a" * 161, "a\n"])
    def test_should_say_no_when_no_code_looks_so(self, text: str) -> None:
        assert not is_code(text)
