from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.apps.settings import aliases_of, app_name_of, name_key_of, require_age, require_mode, require_zone


class TestAppName:
    @pytest.mark.parametrize(("text", "name"), [(" Shop ", "Shop"), ("\uff33hop", "Shop"), ("x" * 100, "x" * 100)])
    def test_should_be_normalised_and_trimmed(self, text: str, name: str) -> None:
        assert app_name_of(text) == name

    @pytest.mark.parametrize("text", ["", " \t", "x" * 101, "a\x00b", "a\nb", "\ud800"])
    def test_should_be_refused_when_it_cannot_be_shown(self, text: str) -> None:
        with pytest.raises(InputError) as refused:
            app_name_of(text)
        assert (refused.value.code, refused.value.pointer) == ("bad_name", "/app_name")

    @given(st.text(max_size=30))
    def test_should_not_change_twice(self, text: str) -> None:
        try:
            name = app_name_of(text)
        except InputError:
            return
        assert (app_name_of(name), name_key_of(name_key_of(name))) == (name, name_key_of(name))

    @pytest.mark.parametrize("other", ["SHOP STRASSE", "shop straße", "\uff33hop Strasse"])
    def test_should_have_one_key_in_any_case(self, other: str) -> None:
        assert name_key_of(app_name_of(other)) == name_key_of("Shop Strasse")


class TestZone:
    @pytest.mark.parametrize("name", ["UTC", "Europe/Moscow", "America/New_York", "Asia/Kolkata"])
    def test_should_be_an_iana_name(self, name: str) -> None:
        assert require_zone(name) == name

    @pytest.mark.parametrize(
        "name", ["", "Moscow", "europe", "../UTC", "/etc/localtime", "posixrules", "right/UTC", "+03:00", "a\0"]
    )
    def test_should_be_refused_otherwise(self, name: str) -> None:
        with pytest.raises(InputError) as refused:
            require_zone(name)
        assert (refused.value.code, refused.value.pointer) == ("bad_zone", "/timezone")


class TestModeAndAge:
    @pytest.mark.parametrize("mode", ["", "Strict", "loose"])
    def test_should_refuse_a_mode_that_is_none(self, mode: str) -> None:
        with pytest.raises(InputError, match="use lenient or strict"):
            require_mode(mode)

    @pytest.mark.parametrize("days", [0, -1, 3651])
    def test_should_refuse_an_age_out_of_range(self, days: int) -> None:
        with pytest.raises(InputError, match="1 to 3650 days"):
            require_age(days)


class TestAliases:
    def test_should_bring_both_sides_into_one_spelling(self) -> None:
        assert aliases_of({"View Page": "PAGE-view"}, ()) == {"view_page": "page_view"}

    @given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=5))
    def test_should_end_after_one_step_and_not_change_twice(self, given: dict[str, str]) -> None:
        try:
            found = aliases_of(given, ())
        except InputError:
            return
        assert aliases_of(found, ()) == found
        assert not set(found) & set(found.values())

    def test_should_not_hide_a_registered_event(self) -> None:
        with pytest.raises(InputError) as refused:
            aliases_of({"TAP": "click"}, {"tap"})
        assert (refused.value.code, refused.value.pointer) == ("alias_taken", "/aliases/TAP")
