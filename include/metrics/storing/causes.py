"""Why values change after their period was closed."""

from __future__ import annotations

from dataclasses import dataclass

LATE_DATA = "late_data"
REPLAY = "replay"
DAY_CLOSED = "day_closed"
RECALCULATION = "recalculation"
DEFINITION_CHANGE = "definition_change"
DELETION = "deletion"


@dataclass(frozen=True)
class Cause:
    """Why some values are calculated again.

    Attributes:
        cause: late_data, replay, day_closed, recalculation, definition_change or deletion.
        load_ids: the loads of events that brought it about, in order; none when it was something else.
    """

    cause: str
    load_ids: tuple[int, ...] = ()
