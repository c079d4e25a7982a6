from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import InputError
from include.events.envelope.sender import Sender
from include.events.envelope.times import instant_of, parse_time, stored_time
from tests.sent_events import RECEIVED_AT, accepted, device, envelope, fields_of, learning, project_rules, rejected

UTC = ZoneInfo("UTC")
MOMENT = dt.timedelta(milliseconds=1)
BACKFILLING = Sender("key:1", "server", may_backfill=True)


def _text(instant: dt.datetime) -> str:
    return instant.isoformat(timespec="microseconds")


def _stored(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(" ", "milliseconds")[:23]


class TestParseTime:
    @pytest.mark.parametrize(
        ("text", "stored", "offset_minutes", "is_naive"),
        [
            ("2025-03-03T10:01:00Z", "2025-03-03 10:01:00.000", 0, False),
            ("2025-03-03t10:01:00z", "2025-03-03 10:01:00.000", 0, False),
            ("2025-03-03 10:01:00+03:00", "2025-03-03 07:01:00.000", 180, False),
            ("2025-03-03T10:01:00-09:30", "2025-03-03 19:31:00.000", -570, False),
            ("2025-03-03T10:01:00-00:00", "2025-03-03 10:01:00.000", 0, False),
            ("2025-03-03T10:01:00", "2025-03-03 10:01:00.000", None, True),
            ("2025-03-03T10:01:00.1Z", "2025-03-03 10:01:00.100", 0, False),
            ("2025-03-03T10:01:00.9999Z", "2025-03-03 10:01:00.999", 0, False),
            ("2025-03-03T10:01:00.0009999999999999999Z", "2025-03-03 10:01:00.000", 0, False),
            ("2024-02-29T23:59:59.999Z", "2024-02-29 23:59:59.999", 0, False),
            ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00.000", 0, False),
            ("2100-12-31T23:59:59.9999Z", "2100-12-31 23:59:59.999", 0, False),
            ("2025-03-03", "2025-03-03 00:00:00.000", None, False),
        ],
    )
    def test_should_read_the_time_when_it_is_one(
        self, text: str, stored: str, offset_minutes: int | None, is_naive: bool
    ) -> None:
        moment = parse_time(text, UTC)
        assert (stored_time(moment.instant_ms), moment.offset_minutes, moment.is_naive) == (
            stored,
            offset_minutes,
            is_naive,
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "now",
            "2025-03-03T10:01:60Z",
            "2016-12-31T23:59:60Z",
            "2025-03-03T24:00:00Z",
            "2025-03-03T10:60:00Z",
            "2025-02-29T10:00:00Z",
            "2025-02-29",
            "2025-13-01",
            "2025-00-01",
            "2025-03-03T10:01Z",
            "2025-03-03T10Z",
            "2025-03-03T10:01:00.Z",
            "2025-03-03T10:01:00,5Z",
            "2025-03-03T10:01:00+3:00",
            "2025-03-03T10:01:00+0300",
            "2025-03-03T10:01:00+24:00",
            "2025-03-03T10:01:00 +03:00",
            "2025-03-03T10:01:00Z ",
            "2025-03-03T10:01:00Z\n",
            " 2025-03-03T10:01:00Z",
            "2025-03-03_10:01:00Z",
            "2025-W10-1T10:01:00Z",
            "20250303T100100Z",
            "20250303",
            "2025-3-3",
            "25-03-03",
            "1741000000",
            "٢٠٢٥-03-03T10:01:00Z",
            "2025-03-30T02:30:00[Europe/Berlin]",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00+00:01",
            "2101-01-01T00:00:00Z",
            "1969-12-31T23:30:00-01:00",
            "2101-01-01T00:30:00+01:00",
            "2100-12-31T23:59:59-00:01",
            "2100-12-31T23:00:00-01:00",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "2025-03-03T10:01:00." + "0" * 1_000 + "Z",
            "\ud800",
        ],
    )
    def test_should_refuse_the_time_when_it_is_none(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_time(text, UTC)
        assert caught.value.code == "bad_time"

    @pytest.mark.parametrize(
        ("day", "zone", "first"),
        [
            ("2025-07-01", "Europe/Moscow", "2025-06-30T21:00:00+00:00"),
            ("2025-03-09", "America/New_York", "2025-03-09T05:00:00+00:00"),
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00+00:00"),  # begins at 01:00
            ("2024-04-26", "Africa/Cairo", "2024-04-25T22:00:00+00:00"),  # begins at 01:00
            ("2025-11-02", "America/Havana", "2025-11-02T04:00:00+00:00"),  # has 00:00 to 01:00 twice
            ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00+00:00"),  # follows a day that never was
        ],
    )
    def test_should_give_the_first_instant_of_the_local_day_when_there_is_only_a_date(
        self, day: str, zone: str, first: str
    ) -> None:
        assert instant_of(parse_time(day, ZoneInfo(zone)).instant_ms) == dt.datetime.fromisoformat(first)

    @pytest.mark.parametrize(("day", "zone"), [("2011-12-30", "Pacific/Apia"), ("1994-12-31", "Pacific/Enderbury")])
    def test_should_refuse_a_date_when_the_zone_skipped_it(self, day: str, zone: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_time(day, ZoneInfo(zone))
        assert caught.value.code == "bad_time"

    @given(
        st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2100, 12, 30)),
        st.integers(-23 * 60 - 59, 23 * 60 + 59),
    )
    def test_should_give_the_instant_when_the_offset_is_any(self, local: dt.datetime, minutes: int) -> None:
        instant = local.replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))
        moment = parse_time(instant.isoformat(), UTC)
        expected = instant.astimezone(dt.UTC)
        assert instant_of(moment.instant_ms) == expected.replace(microsecond=expected.microsecond // 1000 * 1000)
        assert moment.offset_minutes == minutes


class TestSkew:
    """E6: the borders of the correction of a sender's clock: 5 seconds and 24 hours, in both directions."""

    @pytest.mark.parametrize(
        ("skew", "correction", "warnings"),
        [
            (dt.timedelta(0), dt.timedelta(0), ()),
            (dt.timedelta(seconds=5), dt.timedelta(0), ()),
            (dt.timedelta(seconds=-5), dt.timedelta(0), ()),
            (dt.timedelta(seconds=5, milliseconds=1), dt.timedelta(seconds=5, milliseconds=1), ("skew_corrected",)),
            (dt.timedelta(seconds=-5, milliseconds=-1), -dt.timedelta(seconds=5, milliseconds=1), ("skew_corrected",)),
            (dt.timedelta(hours=24), dt.timedelta(hours=24), ("skew_corrected",)),
            (dt.timedelta(hours=-24), -dt.timedelta(hours=24), ("skew_corrected",)),
            (dt.timedelta(hours=24, milliseconds=1), dt.timedelta(0), ("skew_out_of_range",)),
            (dt.timedelta(hours=-24, milliseconds=-1), dt.timedelta(0), ("skew_out_of_range",)),
        ],
    )
    def test_should_correct_the_time_when_the_clock_is_off_by_more_than_5_seconds_and_no_more_than_a_day(
        self, skew: dt.timedelta, correction: dt.timedelta, warnings: tuple[str, ...]
    ) -> None:
        received_at = RECEIVED_AT.replace(microsecond=0)
        occurred_at = received_at - dt.timedelta(days=3)
        verdict = accepted(learning(timestamp=_text(occurred_at)), received_at=received_at, sent_at=received_at - skew)
        fields = fields_of(verdict)
        assert (fields["occurred_at"], fields["event_time"]) == (
            _stored(occurred_at),
            _stored(occurred_at + correction),
        )
        assert verdict.warnings == warnings

    def test_should_correct_by_microseconds_and_cut_when_the_time_of_reception_has_them(self) -> None:
        verdict = accepted(
            learning(timestamp="2026-03-03T11:00:00.000Z"),
            sent_at=RECEIVED_AT.replace(minute=50, hour=11, microsecond=0),
        )
        assert fields_of(verdict)["event_time"] == "2026-03-03 11:10:00.123"

    def test_should_prefer_the_clock_of_the_message_when_the_batch_has_another(self) -> None:
        event = device(occurred_at="2026-03-03T10:00:00Z", sent_at="2026-03-03T11:00:00Z")
        fields = fields_of(accepted(event, received_at=RECEIVED_AT.replace(microsecond=0), sent_at=RECEIVED_AT))
        assert fields["event_time"] == "2026-03-03 11:00:00.000"

    def test_should_not_touch_the_time_of_reception_when_the_message_has_no_time(self) -> None:
        event = device(occurred_at=..., sent_at="2026-03-03T11:00:00Z")
        fields = fields_of(accepted(event))
        assert fields["occurred_at"] == fields["event_time"] == "2026-03-03 12:00:00.123"


class TestWindow:
    """E6: times no event may have: more than 5 minutes ahead, and older than the project takes."""

    def test_should_accept_the_event_when_it_is_5_minutes_ahead(self) -> None:
        received_at = RECEIVED_AT.replace(microsecond=123_000)
        accepted(learning(timestamp=_text(received_at + dt.timedelta(minutes=5))), received_at=received_at)

    def test_should_reject_the_event_when_it_is_a_millisecond_more_ahead(self) -> None:
        received_at = RECEIVED_AT.replace(microsecond=123_000)
        verdict = rejected(
            learning(timestamp=_text(received_at + dt.timedelta(minutes=5) + MOMENT)), received_at=received_at
        )
        assert (verdict.code, verdict.pointer) == ("from_future", "/events/0/timestamp")

    def test_should_judge_the_corrected_time_when_the_clock_is_ahead(self) -> None:
        ahead = dt.timedelta(hours=3)
        accepted(learning(timestamp=_text(RECEIVED_AT + ahead)), sent_at=RECEIVED_AT + ahead)

    def test_should_reject_by_the_corrected_time_when_the_clock_is_behind(self) -> None:
        sent_at = RECEIVED_AT - dt.timedelta(hours=3)
        event = learning(timestamp=_text(sent_at + dt.timedelta(minutes=6)))
        assert rejected(event, sent_at=sent_at).code == "from_future"

    @pytest.mark.parametrize("days", [90, 7])
    def test_should_accept_the_event_when_it_is_as_old_as_may_be(self, days: int) -> None:
        received_at = RECEIVED_AT.replace(microsecond=123_000)
        event = learning(timestamp=_text(received_at - dt.timedelta(days=days)))
        accepted(event, received_at=received_at, rules=project_rules(max_age_days=days))

    @pytest.mark.parametrize("days", [90, 7])
    def test_should_reject_the_event_when_it_is_a_millisecond_older(self, days: int) -> None:
        received_at = RECEIVED_AT.replace(microsecond=123_000)
        event = learning(timestamp=_text(received_at - dt.timedelta(days=days) - MOMENT))
        verdict = rejected(event, received_at=received_at, rules=project_rules(max_age_days=days))
        assert (verdict.code, verdict.pointer) == ("too_old", "/events/0/timestamp")
        assert f"{days} days" in verdict.message

    def test_should_accept_any_age_when_the_key_may_backfill(self) -> None:
        verdict = accepted(learning(timestamp="1970-01-01T00:00:00Z"), sender=BACKFILLING)
        assert fields_of(verdict)["event_time"] == "1970-01-01 00:00:00.000"

    def test_should_still_reject_the_future_when_the_key_may_backfill(self) -> None:
        assert rejected(learning(timestamp="2026-03-03T12:06:00Z"), sender=BACKFILLING).code == "from_future"

    def test_should_begin_the_day_in_the_zone_of_the_project_when_there_is_only_a_date(self) -> None:
        verdict = accepted(learning(timestamp="2026-03-03"), rules=project_rules(time_zone="Europe/Moscow"))
        fields = fields_of(verdict)
        assert (fields["occurred_at"], fields["offset_minutes"]) == ("2026-03-02 21:00:00.000", "\\N")
        assert verdict.warnings == ()


class TestWithoutTime:
    """Devices may leave the time out, in whatever shape; nobody else may."""

    @pytest.mark.parametrize("source", ["mobile", "kafka"])
    def test_should_take_the_time_of_reception_when_a_device_sends_an_envelope(self, source: str) -> None:
        verdict = accepted(envelope(occurred_at=...), sender=Sender("key:1", source))
        assert verdict.warnings == ("no_time",)
        assert fields_of(verdict)["event_time"] == "2026-03-03 12:00:00.123"

    def test_should_say_the_same_when_a_device_message_travels_as_an_envelope(self) -> None:
        message = accepted(device(occurred_at=...))
        travelling = envelope(event_id="e-3", source="mobile", subject={"user_code": "u-1"}, occurred_at=...)
        arrived = accepted(travelling, sender=Sender("kafka", "kafka"))
        assert (arrived.event_id, arrived.content_sha256) == (message.event_id, message.content_sha256)

    def test_should_reject_the_envelope_when_anybody_else_sends_it(self) -> None:
        assert rejected(envelope(occurred_at=...)).code == "missing_field"
