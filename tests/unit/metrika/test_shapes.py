from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.errors import SourceDataError
from include.metrika.client.shapes import (
    iter_objects,
    need_int,
    read_date,
    read_instant,
    read_int,
    read_names,
    read_text,
    take_object,
)  # fmt: skip


class TestReadInt:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(5, 5), ("5", 5), (-6, -6), (5.0, 5), (None, None), ("x", None), (True, None), ([], None),
         (float("inf"), None), (18_446_744_073_709_551_615, 18_446_744_073_709_551_615)],
    )  # fmt: skip
    def test_should_read_numbers_in_any_dress_when_given(self, value: Any, expected: int | None) -> None:
        assert read_int({"key": value}, "key") == expected

    def test_should_be_none_when_the_key_is_missing(self) -> None:
        assert read_int({}, "key") is None


class TestReadDate:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2026-11-10", dt.date(2026, 11, 10)),
            ("2026-11-10T00:00:00.000Z", dt.date(2026, 11, 10)),
            ("", None),
            (None, None),
            ("soon", None),
        ],
    )
    def test_should_read_dates_and_time_stamps_when_given(self, value: Any, expected: dt.date | None) -> None:
        assert read_date({"key": value}, "key") == expected


class TestReadInstant:
    @pytest.mark.parametrize(
        ("value", "hour"),
        [("2022-12-29T18:02:01Z", 18), ("2022-12-29T18:02:01", 18), ("2022-12-29T21:02:01+03:00", 18)],
    )
    def test_should_be_utc_when_read(self, value: str, hour: int) -> None:
        found = read_instant({"key": value}, "key")
        assert found == dt.datetime(2022, 12, 29, hour, 2, 1, tzinfo=dt.UTC)

    def test_should_be_none_when_it_is_no_time(self) -> None:
        assert read_instant({"key": "now"}, "key") is None


class TestTexts:
    @pytest.mark.parametrize(("value", "expected"), [("a", "a"), (["a", "b"], "a"), ([], ""), (None, ""), (5, "5")])
    def test_should_take_the_first_when_it_is_a_list(self, value: Any, expected: str) -> None:
        assert read_text({"key": value}, "key") == expected

    @pytest.mark.parametrize(
        ("value", "expected"), [(["a", "b"], ("a", "b")), ("a,b", ("a", "b")), (None, ()), (5, ())]
    )
    def test_should_read_lists_and_comma_lists_when_given(self, value: Any, expected: tuple[str, ...]) -> None:
        assert read_names({"key": value}, "key") == expected


class TestObjects:
    @pytest.mark.parametrize("value", [None, [], "x", {}, [1, "x", None]])
    def test_should_be_empty_when_there_are_none(self, value: Any) -> None:
        assert list(iter_objects({"key": value}, "key")) == []

    def test_should_fail_with_the_key_when_the_object_is_missing(self) -> None:
        with pytest.raises(SourceDataError, match="answer to show lacks 'key'"):
            take_object({"key": []}, "key", "show")

    def test_should_fail_with_the_key_when_the_number_is_missing(self) -> None:
        with pytest.raises(SourceDataError, match="lacks the number 'key'"):
            need_int({}, "key", "show")
