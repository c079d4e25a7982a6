-- Grain: one row per person and period of the batch. Meaning: the days of the period added up.
-- A bridge is the gap between two consecutive days with events: version 1 counts it like any other gap, version 2 never.
-- A day with events has begun, whatever the clock says: an event may be dated minutes ahead.
SELECT
    person_id,
    roundDown(toUInt16(day), %(first_days)s) AS period_day,
    transform(period_day, %(first_days)s, %(end_days)s, 0) AS period_end_day,
    count() AS active_day_count,
    toUInt16(min(day)) AS first_day,
    toUInt16(max(day)) AS last_day,
    greatest(transform(period_day, %(first_days)s, %(begun_counts)s, 0), last_day - period_day + 1) AS begun_day_count,
    toUnixTimestamp64Milli(min(first_at)) AS first_ms,
    toUnixTimestamp64Milli(max(last_at)) AS last_ms,
    {sums},
    arraySort(groupArray((
        toUnixTimestamp64Milli(first_at), toUnixTimestamp64Milli(last_at), is_task_start_last
    ))) AS spans,
    arrayMap(
        (next_first_ms, this_last_ms) -> least(next_first_ms - this_last_ms, %(timeout_ms)s),
        arrayPopFront(spans.1), arrayPopBack(spans.2)
    ) AS bridges_ms,
    sum(gap_capped_ms) + arraySum(bridges_ms) AS all_gaps_capped_ms,
    sum(task_gap_capped_ms) + arraySum(
        (bridge_ms, is_after_task_start) -> bridge_ms * is_after_task_start, bridges_ms, arrayPopBack(spans.3)
    ) AS all_task_gaps_capped_ms
FROM ({days}) AS days
GROUP BY person_id, period_day
