from __future__ import annotations

import gc

from include.api.events.pauses import settle_heap


class TestSettleHeap:
    def test_should_freeze_what_is_alive_once(self) -> None:
        settle_heap()
        frozen = gc.get_freeze_count()
        settle_heap()
        assert (frozen > 0, gc.get_freeze_count() <= frozen) == (True, True)
