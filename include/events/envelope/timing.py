"""Times of the events of one batch, each different spelling worked out once."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.events.envelope.codes import refusal
from include.events.envelope.forms import Form
from include.events.envelope.lines import NULL
from include.events.envelope.times import (
    DAY_US,
    Moment,
    check_window,
    event_time_of,
    microseconds_of,
    parse_time,
    stored_time,
)


class Timed(NamedTuple):
    """Times of an event.

    Attributes:
        occurred_ms: as the sender's clock said, milliseconds since 1970 UTC; None when it did not say.
        fields: ``occurred_at``, ``event_time`` and ``offset_minutes`` of the line, joined by tabs.
        warnings: codes.
    """

    occurred_ms: int | None
    fields: str
    warnings: tuple[str, ...]


class Timing:
    """Works out the times of a batch.

    Args:
        zone: zone of the project, for dates alone.
        received_at: when the batch was received, aware.
        sent_at: when it was sent by the sender's clock, aware, or None.
        max_age_days: events older than this are refused; None when any age is fine.
        is_from_device: whether events of any shape may leave their time out.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        received_at: dt.datetime,
        sent_at: dt.datetime | None,
        *,
        max_age_days: int | None,
        is_from_device: bool,
    ) -> None:
        self._zone, self._is_from_device = zone, is_from_device
        self._received_us = microseconds_of(received_at)
        self._sent_us = None if sent_at is None else microseconds_of(sent_at)
        self._oldest_us = None if max_age_days is None else self._received_us - max_age_days * DAY_US
        self._known: dict[tuple[Any, Any], Timed] = {}

    def of(self, form: Form) -> Timed:
        """Work out the times of one event.

        Args:
            form: the event.

        Returns:
            Its times.

        Raises:
            InputError: ``missing_field``, ``bad_type``, ``bad_time``, ``from_future`` or ``too_old``.
        """
        time, sent_at = form.time, form.sent_at
        if time.__class__ is not str or sent_at is not None:
            self._check_types(form)
        found = self._known.get((time, sent_at))
        if found is None:
            found = self._known[time, sent_at] = self._work_out(time, sent_at, form.places.time)
        return found

    def _check_types(self, form: Form) -> None:
        places = form.places
        if form.time is None and places.needs_time and not self._is_from_device:
            raise refusal("missing_field", places.time, f"{places.time[1:]} is missing.")
        for value, pointer in ((form.time, places.time), (form.sent_at, "/sent_at")):
            if value is not None and value.__class__ is not str:
                raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text.")

    def _work_out(self, time: str | None, sent_at: str | None, pointer: str) -> Timed:
        sent_us, is_naive = self._sent_us, False
        if sent_at is not None:
            sent = self._parsed(sent_at, "/sent_at")
            sent_us, is_naive = sent.instant_ms * 1000, sent.is_naive
        naive = ("naive_time",) if is_naive else ()
        if time is None:
            received = stored_time(self._received_us // 1000)
            return Timed(None, f"{received}\t{received}\t{NULL}", (*naive, "no_time"))
        occurred = self._parsed(time, pointer)
        event = event_time_of(occurred.instant_ms, sent_us, self._received_us)
        check_window(event.instant_ms, self._received_us, self._oldest_us, pointer)
        offset = NULL if occurred.offset_minutes is None else str(occurred.offset_minutes)
        occurred_text = stored_time(occurred.instant_ms)
        event_text = occurred_text if event.instant_ms == occurred.instant_ms else stored_time(event.instant_ms)
        warnings = ("naive_time",) if occurred.is_naive else naive
        if event.warning:
            warnings = (*warnings, event.warning)
        return Timed(occurred.instant_ms, f"{occurred_text}\t{event_text}\t{offset}", warnings)

    def _parsed(self, text: str, pointer: str) -> Moment:
        try:
            return parse_time(text, self._zone)
        except InputError as error:
            raise InputError(error.message, code=error.code, pointer=pointer) from None
