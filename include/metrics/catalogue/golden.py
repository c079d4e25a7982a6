"""The golden case: one learner's week with the values it must give, printed on the pages and run by the tests."""

from __future__ import annotations

from dataclasses import dataclass

from include.metrics.names import Metric

UTC, MOSCOW = "UTC", "Europe/Moscow"
REQUIRED_ITEMS = ("t1", "t2", "t3", "t4")
# Time in UTC, kind, task: person u1 in course c1, week from Monday 2025-03-03.
EVENTS = (
    ("2025-03-03 10:00:00", "page_view", ""),
    ("2025-03-03 10:01:00", "task_start", "t1"),
    ("2025-03-03 10:03:00", "scroll", ""),
    ("2025-03-03 10:06:00", "task_attempt", "t1"),
    ("2025-03-03 10:07:00", "task_success", "t1"),
    ("2025-03-03 11:00:00", "video_play", ""),
    ("2025-03-03 23:50:00", "task_start", "t2"),
    ("2025-03-04 00:10:00", "task_fail", "t2"),
    ("2025-03-04 09:00:00", "page_view", ""),
    ("2025-03-04 09:00:08", "page_view", ""),
    ("2025-03-05 12:00:00", "task_start", "t2"),
)


@dataclass(frozen=True)
class Worked:
    """One value of the golden week, with its working.

    Attributes:
        metric: which of the six.
        version: 1 or 2.
        zone: zone of the course.
        working: the numbers it is made of.
        value: the value, after day d0 + n of retention has ended.
        sample_n: how much it rests on.
    """

    metric: Metric
    version: int
    zone: str
    working: str
    value: float
    sample_n: int


_M = Metric
WORKED = (
    *(Worked(_M.RETENTION, 1, zone, "events on 3 local days, more than one", 1, 3) for zone in (UTC, MOSCOW)),
    Worked(_M.RETENTION, 2, UTC, "d0 = 3 March; NULL before 2025-03-11T00:00Z; no event on 10 March", 0, 1),
    Worked(_M.RETENTION, 2, MOSCOW, "d0 = 3 March; NULL before 2025-03-10T21:00Z; no event on 10 March", 0, 1),
    *(
        Worked(
            _M.ENGAGEMENT_SCORE, 1, zone,
            "3 x 1.0 page_view + 0.2 scroll + 1.5 video_play + 3 x 1.0 task_start + 2.0 task_attempt "
            "+ 2.5 task_success + 1.5 task_fail", 13.7, 11,
        )
        for zone in (UTC, MOSCOW)
    ),
    Worked(_M.ENGAGEMENT_SCORE, 2, UTC, "3 engaged of 6 sessions", 3 / 6, 6),
    Worked(_M.ENGAGEMENT_SCORE, 2, MOSCOW, "3 of 5: 23:50 and 00:10 UTC fall on one local day", 3 / 5, 5),
    *(Worked(_M.COMPLETION_RATE, 1, zone, "1 task_success, 1 task_fail", 1 / 2, 2) for zone in (UTC, MOSCOW)),
    *(Worked(_M.COMPLETION_RATE, 2, zone, "t1 of t1, t2, t3, t4", 1 / 4, 4) for zone in (UTC, MOSCOW)),
    *(Worked(_M.TIME_ON_TASK, 1, zone, "120 + 1200 + 0 for the last event", 1320, 3) for zone in (UTC, MOSCOW)),
    Worked(_M.TIME_ON_TASK, 2, UTC, "120 + 180 + 60; midnight cuts the gap after 23:50", 360, 11),
    Worked(_M.TIME_ON_TASK, 2, MOSCOW, "120 + 180 + 60 + 1200; it is 02:50 there, no midnight", 1560, 11),
    *(Worked(_M.ACTIVITY_INDEX, 1, zone, "11 events / (5 - 3 + 1) days", 11 / 3, 11) for zone in (UTC, MOSCOW)),
    *(Worked(_M.ACTIVITY_INDEX, 2, zone, "3 of 7 days", 3 / 7, 7) for zone in (UTC, MOSCOW)),
    *(
        Worked(_M.FOCUS_RATIO, 1, zone, "capped gaps 8828 s / span 180000 s (50 hours)", 8828 / 180000, 11)
        for zone in (UTC, MOSCOW)
    ),
    Worked(_M.FOCUS_RATIO, 2, UTC, "task 360 s / active 428 s", 360 / 428, 11),
    Worked(_M.FOCUS_RATIO, 2, MOSCOW, "task 1560 s / active 1628 s", 1560 / 1628, 11),
)  # fmt: skip


def worked_of(metric: Metric) -> tuple[Worked, ...]:
    """The golden values of one metric.

    Args:
        metric: which of the six.

    Returns:
        By version, then zone.
    """
    return tuple(one for one in WORKED if one.metric is metric)
