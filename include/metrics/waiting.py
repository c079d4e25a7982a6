"""How far the metrics are behind the events, from the state alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine, text

from include.state.engine import reachable

# Grain: one row.
_WAITING = text("""
SELECT
    untaken.*, touched.*,
    (SELECT count(*) FROM (SELECT project, course_id FROM courses UNION SELECT project, course_id FROM metric_courses)
     AS known) AS course_count,
    (SELECT max(calculated_at) FROM metric_slices) AS last_calculated_at
FROM
    (SELECT count(*) AS untaken_loads, min(landed_at) AS oldest_landed_at
     FROM event_loads AS l
     WHERE landed_at IS NOT NULL AND NOT EXISTS (SELECT FROM metric_loads AS m WHERE m.load_id = l.load_id)) AS untaken,
    (SELECT count(*) AS touched_days, min(touched_at) AS oldest_touched_at FROM metric_touched_days) AS touched
""")


@dataclass(frozen=True)
class Waiting:
    """What the next run of the metrics has to do.

    Attributes:
        untaken_loads: landed loads whose days have not been noted yet.
        oldest_landed_at: when the first of them landed, aware UTC; None without one.
        touched_days: days of courses whose user-days or values have not followed yet.
        oldest_touched_at: since when the first of them waits, aware UTC; None without one.
        course_count: courses that are registered or have user-days.
        last_calculated_at: when a period was last calculated, aware UTC; None before the first.
    """

    untaken_loads: int
    oldest_landed_at: dt.datetime | None
    touched_days: int
    oldest_touched_at: dt.datetime | None
    course_count: int
    last_calculated_at: dt.datetime | None

    @property
    def oldest_at(self) -> dt.datetime | None:
        """Since when the oldest of all this waits; None when nothing does."""
        return min((at for at in (self.oldest_landed_at, self.oldest_touched_at) if at), default=None)


def read_waiting(engine: Engine) -> Waiting:
    """Look at loads, touched days and stored periods.

    Args:
        engine: the state engine.

    Returns:
        What waits now.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        row = connection.execute(_WAITING).mappings().one()
    return Waiting(**row)
