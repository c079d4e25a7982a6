"""Addresses and names as people type them."""

from __future__ import annotations

import contextlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.accounts.texts import clean_email, clean_text, email_key_of, is_id, is_writable
from include.errors import InputError


class TestEmailKey:
    @given(st.text(min_size=1, max_size=30))
    def test_should_stay_when_made_again(self, text: str) -> None:
        assert email_key_of(email_key_of(text)) == email_key_of(text)

    @given(st.text(alphabet=st.characters(max_codepoint=0x24F), min_size=1, max_size=20))
    def test_should_be_one_when_written_small(self, text: str) -> None:
        assert email_key_of(text.casefold()) == email_key_of(text)


class TestCleanEmail:
    @pytest.mark.parametrize("text", ["a@b", "a+b@c.de", "анна@пример.рф", "x" * 248 + "@e.com"])
    def test_should_take_an_address_when_it_has_two_sides(self, text: str) -> None:
        assert clean_email(f"  {text}\n") == text

    @pytest.mark.parametrize(
        "text", ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a\u2028@b", "a\x7f@b", "\ud800@b"]
    )
    def test_should_refuse_a_text_when_it_is_no_address(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            clean_email(text)
        assert (caught.value.code, caught.value.pointer) == ("bad_email", "/email")

    @given(st.text())
    def test_should_give_an_address_or_say_why_when_anything_is_typed(self, text: str) -> None:
        found = None
        with contextlib.suppress(InputError):
            found = clean_email(text)
        if found is not None:
            assert is_writable(found)
            assert clean_email(found) == found


class TestCleanText:
    def test_should_name_the_text_when_it_is_refused(self) -> None:
        with pytest.raises(InputError, match="surname") as caught:
            clean_text("a\tb", what="surname", pointer="/surname")
        assert caught.value.pointer == "/surname"

    @pytest.mark.parametrize("name", ["Ünal", "O'Neil", "李", "👩‍👩‍👧", "نیم‌فاصله", "[bold]", "=cmd"])
    def test_should_keep_a_name_when_people_have_it(self, name: str) -> None:
        assert clean_text(name, what="name", pointer="/name") == name


class TestIsId:
    def test_should_know_an_id_when_it_is_a_uuid(self) -> None:
        assert is_id(str(uuid.uuid4()))
        assert is_id(str(uuid.uuid4()).upper())

    @pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}", "{} ", " {}", "{}\0"])
    def test_should_refuse_a_uuid_when_written_otherwise(self, form: str) -> None:
        assert not is_id(form.format(uuid.uuid4()))
