"""Days that can be asked about: those that have been scored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from include.errors import DayNotReady
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stages
from include.visits.scoring.score_inputs import STAGE

DAYS_NAMED = 10  # of those that are missing


def require_scored(
    state: Engine, counter_ids: Sequence[int], days: Sequence[dt.date]
) -> Mapping[int, list[StageRecord]]:
    """Refuse a range with days that have not been scored.

    Args:
        state: the state engine.
        counter_ids: the counters.
        days: the range.

    Returns:
        Records of the scores by counter, in the order of days.

    Raises:
        DayNotReady: at least one is missing; the message names the first ten.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(state), state.connect() as connection:
        found = {counter_id: read_stages(connection, counter_id, days, [STAGE]) for counter_id in counter_ids}
    missing = [
        f"{day} of counter {counter_id}"
        for counter_id, records in found.items()
        for day in days
        if day not in {record.day for record in records}
    ]
    if missing:
        more = f" and {len(missing) - DAYS_NAMED} more" if len(missing) > DAYS_NAMED else ""
        raise DayNotReady(
            f"Not scored yet: {', '.join(missing[:DAYS_NAMED])}{more}; score each with 'python -m include score "
            "--date DAY --counter COUNTER', or ask about days that are.",
            code="day_not_scored",
            pointer="/date",
        )
    return found
