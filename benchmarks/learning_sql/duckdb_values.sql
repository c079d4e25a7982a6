-- One row per metric, version, course, person and period of one grain: the values, in the columns our own query gives.
COPY (
SELECT metric, version, course_id, make_timestamp(period_day * 86400000000) AS period_start_at, person_id, value,
    numerator, denominator, sample_n, null_reason, by_timeout
FROM (
    SELECT 'retention' AS metric, 1 AS version, course_id, period_day, person_id, (active_days > 1)::DOUBLE AS value,
        (active_days > 1)::DOUBLE AS numerator, 1::DOUBLE AS denominator, active_days AS sample_n, '' AS null_reason,
        NULL AS by_timeout
    FROM periods WHERE '{grain}' <> 'day'
    UNION ALL
    SELECT 'retention', 2, course_id, period_day, person_id,
        CASE WHEN d0 + $n < $today THEN is_back::DOUBLE END, CASE WHEN d0 + $n < $today THEN is_back::DOUBLE END,
        CASE WHEN d0 + $n < $today THEN 1 END, (d0 + $n < $today)::INT,
        CASE WHEN d0 + $n < $today THEN '' ELSE 'not_closed' END, NULL
    FROM periods WHERE first_day = d0
    UNION ALL
    SELECT 'engagement_score', 1, course_id, period_day, person_id,
        page_views * 1.0::DOUBLE + scrolls * 0.2::DOUBLE + video_plays * 1.5::DOUBLE + task_starts * 1.0::DOUBLE
            + task_attempts * 2.0::DOUBLE + task_successes * 2.5::DOUBLE + task_fails * 1.5::DOUBLE,
        NULL, NULL, events, '', NULL
    FROM periods
    UNION ALL
    SELECT 'engagement_score', 2, course_id, period_day, person_id, engaged_session_count / session_count,
        engaged_session_count, session_count, session_count, '', NULL
    FROM periods
    UNION ALL
    SELECT 'completion_rate', 1, course_id, period_day, person_id,
        coalesce(task_successes / nullif(task_successes + task_fails, 0), 0), task_successes,
        task_successes + task_fails, task_successes + task_fails, '', NULL
    FROM periods
    UNION ALL
    SELECT 'completion_rate', 2, course_id, period_day, person_id, done_count / len($required), done_count,
        len($required), len($required), '', NULL
    FROM periods
    UNION ALL
    SELECT 'time_on_task', 1, course_id, period_day, person_id, all_task_gaps_ms / 1000, NULL, NULL, task_starts, '',
        NULL
    FROM periods WHERE task_starts > 0
    UNION ALL
    SELECT 'time_on_task', 2, course_id, period_day, person_id, task_1800_ms / 1000, NULL, NULL, events, '',
        '{{' || task_300_ms / 1000 || ',' || task_600_ms / 1000 || ',' || task_1800_ms / 1000 || '}}'
    FROM periods
    UNION ALL
    SELECT 'activity_index', 1, course_id, period_day, person_id, events / (last_day - first_day + 1), events,
        last_day - first_day + 1, events, '', NULL
    FROM periods
    UNION ALL
    SELECT 'activity_index', 2, course_id, period_day, person_id, active_days / begun_days, active_days, begun_days,
        begun_days, '', NULL
    FROM periods
    UNION ALL
    SELECT 'focus_ratio', 1, course_id, period_day, person_id,
        coalesce(all_gaps_ms / nullif(last_ms - first_ms, 0), 0), all_gaps_ms / 1000, (last_ms - first_ms) / 1000,
        events, '', NULL
    FROM periods
    UNION ALL
    SELECT 'focus_ratio', 2, course_id, period_day, person_id, task_1800_ms / nullif(active_1800_ms, 0),
        CASE WHEN active_1800_ms > 0 THEN task_1800_ms / 1000 END,
        CASE WHEN active_1800_ms > 0 THEN active_1800_ms / 1000 END, events,
        CASE WHEN active_1800_ms > 0 THEN '' ELSE 'no_active_time' END, NULL
    FROM periods
)
) TO '{file}' (FORMAT csv, DELIMITER '\t', HEADER false, NULL '\N', QUOTE '', ESCAPE '')
