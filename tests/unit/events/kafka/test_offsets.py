"""Where reading a partition begins."""

from __future__ import annotations

import datetime as dt

import pytest

from include.events.kafka.offsets import StoredOffset, choose_start
from include.events.kafka.topic import Bounds

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
BOUNDS = Bounds(0, 10, 20)


def stored(next_offset: int, end: int = 20, topic_id: str = "a") -> StoredOffset:
    return StoredOffset(0, next_offset, end, topic_id, 0, 0, NOW)


class TestChooseStart:
    @pytest.mark.parametrize(
        ("before", "begins_at", "lost", "is_restart"),
        [
            (None, 10, 0, False),  # never read: what is there
            (stored(10), 10, 0, False),
            (stored(15), 15, 0, False),
            (stored(20), 20, 0, False),
            (stored(7), 10, 3, False),  # deleted unread
            (stored(21), 10, 0, True),  # the log was cut short
            (stored(15, 18, "b"), 10, 3, True),  # another topic of that name; three of the old one were never read
            (stored(18, 18, "b"), 10, 0, True),
        ],
    )
    def test_should_begin_where_nothing_is_missed_in_silence(
        self, before: StoredOffset | None, begins_at: int, lost: int, is_restart: bool
    ) -> None:
        start = choose_start(before, BOUNDS, "a")
        assert (start.next_offset, start.lost, start.is_restart) == (begins_at, lost, is_restart)
