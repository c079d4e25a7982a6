"""Blocks taken apart, without a broker."""

from __future__ import annotations

import datetime as dt

from include.events.kafka.blocks import Block
from include.events.kafka.messages import Incoming, Place, read_message

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def message(partition: int, offset: int) -> Incoming:
    return read_message(b"{}", None, Place("raw", "a", partition, offset), NOW)


class TestSingles:
    def test_should_move_as_far_in_steps_when_offsets_have_gaps(self) -> None:
        block = Block([message(0, 3), message(1, 0), message(0, 7)], {0: (2, 9), 1: (0, 1), 2: (4, 6)})
        moves = [single.moves for single in block.singles()]
        assert moves == [{0: (2, 4)}, {1: (0, 1)}, {0: (4, 8)}, {0: (8, 9), 2: (4, 6)}]

    def test_should_hold_each_message_once(self) -> None:
        block = Block([message(0, 0), message(0, 1)], {0: (0, 2)})
        assert [one.place.offset for single in block.singles() for one in single.messages] == [0, 1]
