"""The ClickHouse table of user-days: what one person did in one course on one local day."""

from __future__ import annotations

from include.warehouse.schema import Column, Table

# Kinds of events the formulas know, in the order of their numbers; every other event is of the kind ``other``.
KINDS = ("page_view", "scroll", "video_play", "task_start", "task_attempt", "task_success", "task_fail")
OTHER = "other"
TIMEOUTS_SECONDS = (300, 600, 1800)  # the last one is the product's own; the others show how much the choice matters

KIND_COUNTS = tuple(f"{kind}_count" for kind in (*KINDS, OTHER))

USER_DAYS = Table(
    name="user_days",
    columns=(
        Column("project", "String", "tenant: an app code, or default"),
        Column("course_id", "String", "scope_id of events with scope_type course"),
        Column("person_id", "UUID", "the person"),
        Column("day", "Date", "local day of the course's zone"),
        Column("time_zone", "String", "IANA zone the day was cut in"),
        Column("event_count", "UInt32", "deduplicated events"),
        *(Column(name, "UInt32", f"events of the kind {name.removesuffix('_count')}") for name in KIND_COUNTS),
        Column("first_at", "DateTime64(3, 'UTC')", "event_time of the first event"),
        Column("last_at", "DateTime64(3, 'UTC')", "event_time of the last event"),
        Column("is_task_start_last", "UInt8", "1 when the last event, by time and id, is a task_start"),
        Column("gap_capped_ms", "UInt64", "sum of gaps, each at most 1800 s"),
        Column("task_gap_capped_ms", "UInt64", "the same over gaps that follow a task_start"),
        *(Column(f"active_{s}_ms", "UInt64", f"sum of gaps of at most {s} s") for s in TIMEOUTS_SECONDS),
        *(
            Column(f"task_{s}_ms", "UInt64", f"of them, while a task was open; it closes after {s} s")
            for s in TIMEOUTS_SECONDS
        ),
        Column("session_count", "UInt32", "sessions: gaps of at most 1800 s"),
        Column("engaged_session_count", "UInt32", "sessions over 10 s, or with 2 page views, or with a key event"),
        Column("done_items", "Array(String)", "items with a task_success, each once, in order"),
        Column("load_id", "UInt64", "newest load among its events"),
    ),
    order_by=("project", "course_id", "person_id", "day"),
    partition_by=("project", "day"),
    shard_by="person_id",
    meaning="one row per person, course and local day with events; rebuilt as a whole, never added to",
)

# What versions 2 of retention and completion ask of days outside of a period, in one place for the time of a run: a
# partition per day is quickly replaced, but slow to open by the hundred for each question.
_OF_HISTORY = ("project", "course_id", "person_id", "day", "first_at", "done_items")
HISTORIES = Table(
    name="user_histories",
    columns=tuple(column for column in USER_DAYS.columns if column.name in _OF_HISTORY),
    order_by=("person_id", "day"),
    partition_by=(),
    shard_by="person_id",
    meaning="the user-days of one course in few columns; only ever a staging table",
)
