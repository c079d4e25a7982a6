"""Which loads count: loading goes on every minute, and all steps of one calculation shall see the same events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from include.state.tables import event_loads, metric_loads


@dataclass(frozen=True)
class Snapshot:
    """The events of a moment, by the loads that brought them.

    Attributes:
        frontier: newest load that counts; 0 when none does.
        excluded: loads up to it that do not count yet, in order.
        repeating: loads that count and brought events whose ids were there before, in order: their copies may differ;
            None when nobody looked.
    """

    frontier: int
    excluded: tuple[int, ...] = ()
    repeating: tuple[int, ...] | None = None

    @property
    def sql(self) -> str:
        """Condition over ``load_id``, with the values of ``params``."""
        return "load_id <= %(snapshot_frontier)s AND NOT has(%(snapshot_excluded)s, load_id)"

    @property
    def params(self) -> dict[str, Any]:
        """Values of the condition."""
        return {"snapshot_frontier": self.frontier, "snapshot_excluded": list(self.excluded)}


def read_snapshot(connection: Connection) -> Snapshot:
    """What counts now: the loads whose days have been noted.

    Args:
        connection: open connection to the state.

    Returns:
        The snapshot.
    """
    c = event_loads.c
    frontier = connection.execute(select(func.max(metric_loads.c.load_id))).scalar() or 0
    is_taken = select(metric_loads.c.load_id).where(metric_loads.c.load_id == c.load_id).exists()
    upto = select(c.load_id).where(c.load_id <= frontier).order_by(c.load_id)
    excluded = connection.execute(upto.where(~is_taken)).scalars()
    repeating = connection.execute(upto.where(is_taken, c.repeat_count > 0)).scalars()
    return Snapshot(int(frontier), tuple(map(int, excluded)), tuple(map(int, repeating)))
