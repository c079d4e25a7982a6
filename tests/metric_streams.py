"""Random event streams for both engines: gaps on the edges of every rule, days whose clocks change, odd attributes."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from include.metrics.periods.grains import STANDARD_GRAINS, Grain, day_start
from include.metrics.tables import KINDS
from tests.metric_events import Learned

# A day before, on or after which clocks change: back, forward, or never.
TURNS = (
    ("UTC", "2025-03-30"),
    ("Europe/Moscow", "2010-03-28"),
    ("Europe/Moscow", "2014-10-26"),
    ("America/New_York", "2025-03-09"),
    ("America/New_York", "2025-11-02"),
)
EDGES_MS = (
    *(0, 0, 0, 0, 1, 999, 5_000, 5_000, 9_999, 10_000, 10_000, 10_001),
    *(299_999, 300_000, 300_001, 599_999, 600_000, 600_001, 1_799_999, 1_800_000, 1_800_001, 1_800_001),
    *(3_600_000, 82_800_000, 86_399_999, 86_400_000, 90_000_000, 172_800_000),
)
NAMES = (*KINDS, "task_start", "task_success", "forum_post", "other")
ODD_TASK = '"тема \\"1\\" \\\\ \\n"'
TASKS = (
    '"t1"',
    '"t2"',
    '"7"',
    "7",
    "-7",
    "9007199254740993",
    ODD_TASK,
    '" t1"',
    '""',
    "null",
    "true",
    "1.5",
    "[7]",
    '{"task_id":"t1"}',
)
PROPS = ("{}", '{"attempt":2}', '{"item":{"task_id":"t1"}}', *(f'{{"attempt":1,"task_id":{task}}}' for task in TASKS))
COUNTED, UNCOUNTED = (1, 2, 3), (4, 9)  # loads inside and outside the snapshot
NEVER_MS = 10**12

FIRST_DAY = dt.date(2025, 10, 27)  # a Monday; clocks of New York go back on the Sunday
# One row per event of seeded people of the project "many": about a dozen each, in bursts over 13 days, with gaps on the
# edges of the rules, equal moments, and now and then an item.
MANY_EVENTS = """
INSERT INTO {table} (project, event_name, event_id, person_id, sent_name, source, occurred_at, event_time, received_at,
    scope_type, scope_id, module_id, props, context, version, load_id)
SELECT 'many', name, id, person, name, 'lms', at, at, at, 'course', 'c1', module_id, props, '{{}}', 1, 1
FROM (
    SELECT
        number, intDiv(number, 4) AS burst, number % 4 AS place, cityHash64('dice', number) AS dice,
        cityHash64('burst', burst) AS burst_dice,
        reinterpretAsUUID(sipHash128('person', burst % {people})) AS person,
        reinterpretAsUUID(sipHash128('event', number)) AS id,
        ['page_view', 'scroll', 'video_play', 'task_start', 'task_attempt', 'task_success', 'task_fail', 'note'][
            1 + dice % 8] AS name,
        [[0, 0, 0, 0], [0, 0, 1, 60000], [0, 5000, 10000, 10000], [0, 5000, 10000, 10001], [0, 300000, 600000, 900001],
            [0, 600000, 1200001, 1200001], [0, 1800000, 3600000, 5400001], [0, 0, 1800001, 1861001]] AS patterns,
        patterns[1 + burst_dice % 8][1 + place] AS later_ms,
        1761537600000 + intDiv(burst_dice, 64) % (13 * 86400000) + later_ms AS at_ms,
        fromUnixTimestamp64Milli(toInt64(at_ms), 'UTC') AS at,
        ['', 'm3'][1 + intDiv(dice, 8) % 2] AS module_id,
        ['{{}}', '{{"task_id":"t1"}}', '{{"task_id":8}}', '{{"task_id":null}}'][1 + intDiv(dice, 16) % 4] AS props
    FROM numbers({count})
)
"""


@dataclass(frozen=True)
class Stream:
    """One random history of a few people, and how it came in and is asked for.

    Attributes:
        zone: of the course.
        events: each with the load it came with; copies of one have its id.
        cuts: shares (0-1) of the time it covers, where user-days are built apart.
        grain: of the whole periods asked for.
        bounds: shares of the time where a free period begins and ends.
        now_ms: after the first event, the present.
        required: items of the course, or None.
        retention: n, and kind.
    """

    zone: ZoneInfo
    events: tuple[tuple[Learned, int], ...]
    cuts: tuple[float, ...]
    grain: Grain
    bounds: tuple[float, float]
    now_ms: int
    required: tuple[str, ...] | None
    retention: tuple[int, str]

    def counted(self) -> list[Learned]:
        """Events of loads that count, in the order they came."""
        return [event for event, load in self.events if load in COUNTED]


@st.composite
def _person(draw: st.DrawFn, number: int, turn_at: dt.datetime) -> list[tuple[Learned, int]]:
    """Events of one person, one after another, some of them twice."""
    start_ms = draw(st.one_of(st.sampled_from((-1, 0, 1, -3_600_000, 3_600_000)), st.integers(-(10**8), 10**8)))
    at, found = turn_at + dt.timedelta(milliseconds=start_ms), []
    for place in range(draw(st.integers(1, 12))):
        if place:
            at += dt.timedelta(
                milliseconds=draw(
                    st.one_of(st.sampled_from(EDGES_MS), st.sampled_from(EDGES_MS), st.integers(0, 4_000_000))
                )
            )
        event = Learned(
            at,
            draw(st.sampled_from(NAMES)),
            user=f"u{number}",
            props=draw(st.sampled_from(PROPS)),
            module_id=draw(st.sampled_from(("", "m1", "t2"))),
            # Either half of an id may decide the order of equal moments.
            event_id=str(
                uuid.UUID(
                    int=(draw(st.integers(0, 255)) << 120) + (number << 64) + (place << 8) + draw(st.integers(0, 255))
                )
            ),
        )
        found.append((event, draw(st.sampled_from((*COUNTED, *COUNTED, *UNCOUNTED)))))
        if draw(st.integers(0, 4)) == 0:
            found.append((replace(event, received_at=at + dt.timedelta(minutes=5)), found[-1][1]))
    return found


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Histories of one to five people around a turn of clocks."""
    name, day = draw(st.sampled_from(TURNS))
    zone = ZoneInfo(name)
    turn_at = day_start(dt.date.fromisoformat(day), zone)
    events = [pair for number in range(draw(st.integers(1, 5))) for pair in draw(_person(number, turn_at))]
    share = st.floats(0, 1, allow_nan=False)
    return Stream(
        zone,
        tuple(draw(st.permutations(events))),
        tuple(draw(st.lists(share, max_size=2))),
        draw(st.sampled_from(STANDARD_GRAINS)),
        (draw(share), draw(share)),
        draw(st.one_of(st.just(NEVER_MS), st.integers(0, 5 * 86_400_000))),
        draw(
            st.sampled_from(
                (None, ("t1",), ("7", "m1", "t1", "t2", "t3"), ("-7", "9007199254740993", json.loads(ODD_TASK), " t1"))
            )
        ),
        (draw(st.integers(1, 3)), draw(st.sampled_from(("exact", "unbounded")))),
    )
