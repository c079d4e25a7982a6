-- One row per course, person and period of one grain: its days added up, with what lies between them.
CREATE OR REPLACE TABLE periods AS
WITH
placed AS (
    SELECT *, epoch(date_trunc('{grain}', make_date(day::INT)))::BIGINT // 86400 AS period_day,
        epoch(date_trunc('{grain}', make_date(day::INT)) + INTERVAL 1 {grain})::BIGINT // 86400 AS period_end_day
    FROM parts
),
bridged AS (
    SELECT *,
        CASE WHEN lag(last_ms) OVER own IS NOT NULL THEN least(1800000, first_ms - lag(last_ms) OVER own) END AS bridge_ms,
        lag(is_task_start_last) OVER own AS follows_task_start
    FROM placed
    WINDOW own AS (PARTITION BY course_id, person_id, period_day ORDER BY day)
)
SELECT course_id, person_id, period_day,
    count(*) AS active_days, min(day) AS first_day, max(day) AS last_day,
    min(first_ms) AS first_ms, max(last_ms) AS last_ms,
    greatest(least(period_end_day, $today + 1) - period_day, max(day) - period_day + 1) AS begun_days,
    sum(event_count)::BIGINT AS events, sum(page_views)::BIGINT AS page_views, sum(scrolls)::BIGINT AS scrolls,
    sum(video_plays)::BIGINT AS video_plays, sum(task_starts)::BIGINT AS task_starts,
    sum(task_attempts)::BIGINT AS task_attempts, sum(task_successes)::BIGINT AS task_successes,
    sum(task_fails)::BIGINT AS task_fails,
    sum(session_count)::BIGINT AS session_count, sum(engaged_session_count)::BIGINT AS engaged_session_count,
    (sum(gap_capped_ms) + coalesce(sum(bridge_ms), 0))::BIGINT AS all_gaps_ms,
    (sum(task_gap_capped_ms) + coalesce(sum(bridge_ms) FILTER (follows_task_start), 0))::BIGINT AS all_task_gaps_ms,
    sum(active_1800_ms)::BIGINT AS active_1800_ms,
    sum(task_300_ms)::BIGINT AS task_300_ms, sum(task_600_ms)::BIGINT AS task_600_ms,
    sum(task_1800_ms)::BIGINT AS task_1800_ms,
    max(done_count)::BIGINT AS done_count, any_value(d0) AS d0, any_value(is_back) AS is_back
FROM bridged JOIN history USING (course_id, person_id, day)
GROUP BY course_id, person_id, period_day, period_end_day
