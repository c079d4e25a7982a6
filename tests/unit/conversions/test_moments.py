from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.conversions.rules.moments import moment_of, parse_moment
from include.errors import InputError

MOSCOW, BERLIN, NEW_YORK = (ZoneInfo(name) for name in ("Europe/Moscow", "Europe/Berlin", "America/New_York"))


class TestM19ParseMoment:
    @pytest.mark.parametrize(
        ("text", "zone", "epoch"),
        [
            ("2025-06-26 00:13:09", MOSCOW, 1750885989),
            ("2025-10-26 02:30", BERLIN, 1761438600),
            ("2025-10-26T02:30:00+01:00", BERLIN, 1761442200),
            ("2025-06-25T21:13:09Z", NEW_YORK, 1750885989),
            ("2025-06-26T00:13:09.987+0300", NEW_YORK, 1750885989),
        ],
    )
    def test_should_give_true_epoch_seconds_when_the_time_is_sound(self, text: str, zone: ZoneInfo, epoch: int) -> None:
        assert parse_moment(text, zone).epoch_seconds == epoch

    @pytest.mark.parametrize(("text", "is_ambiguous"), [("2025-10-26 02:30:00", True), ("2025-10-26 03:30:00", False)])
    def test_should_count_a_time_when_it_exists_twice(self, text: str, is_ambiguous: bool) -> None:
        assert parse_moment(text, BERLIN).is_ambiguous is is_ambiguous

    def test_should_refuse_a_time_when_clocks_jump_over_it(self) -> None:
        with pytest.raises(InputError, match="does not exist in Europe/Berlin"):
            parse_moment("2025-03-30 02:30:00", BERLIN)

    @pytest.mark.parametrize(
        "text",
        [
            "", "2025-06-26", "1750885989", "2025-13-01 00:00:00", "2025-06-26 24:00:00", "2025-06-26 12:00:60",
            "20250626T120000", "1969-12-31 23:00:00", "2101-01-01 00:00:00", "2025-06-26 12:00:00 Europe/Moscow",
            "2025-06-26 12:00:00+99:00", "1970-01-01 01:00:00+03:00",
        ],
    )  # fmt: skip
    def test_should_refuse_a_text_when_it_is_no_time(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_moment(text, MOSCOW)
        assert (caught.value.code, caught.value.pointer) == ("bad_time", "/date_time")

    def test_should_name_the_local_day_when_utc_has_another(self) -> None:
        assert parse_moment("2025-06-26 00:13:09", MOSCOW).day == dt.date(2025, 6, 26)

    @given(st.integers(100_000, 4_000_000_000), st.sampled_from([MOSCOW, BERLIN, NEW_YORK]))
    def test_should_come_back_when_a_moment_is_written_with_its_offset(self, epoch: int, zone: ZoneInfo) -> None:
        text = moment_of(epoch, zone).event_at.astimezone(zone).isoformat(sep=" ")
        assert parse_moment(text, MOSCOW).epoch_seconds == epoch
