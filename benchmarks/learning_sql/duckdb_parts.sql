-- One row per course, person and UTC day: what its events add up to, each once. Two orderings by windows, then two
-- groupings.
-- least() passes over NULL, so the last event's missing gap is left out by name.
CREATE OR REPLACE TABLE parts AS
WITH
kinds AS (
    SELECT DISTINCT course_id, person_id, event_id, event_ms, event_ms // 86400000 AS day,
        CASE event_name WHEN 'page_view' THEN 1 WHEN 'scroll' THEN 2 WHEN 'video_play' THEN 3 WHEN 'task_start' THEN 4
            WHEN 'task_attempt' THEN 5 WHEN 'task_success' THEN 6 WHEN 'task_fail' THEN 7 ELSE 0 END::UTINYINT AS kind
    FROM events
),
neighbours AS (
    SELECT course_id, person_id, event_ms, day, kind, row_number() OVER own AS place,
        lead(event_ms) OVER own AS next_ms, lead(day) OVER own AS next_day,
        lag(event_ms) OVER own AS last_ms, lag(day) OVER own AS last_day
    FROM kinds
    WINDOW own AS (PARTITION BY course_id, person_id ORDER BY event_ms, event_id)
),
gaps AS (
    SELECT course_id, person_id, event_ms, day, kind, place,
        CASE WHEN next_day = day THEN next_ms - event_ms END AS gap,
        CASE WHEN last_day = day THEN event_ms - last_ms ELSE 86400000 END AS before
    FROM neighbours
),
states AS (
    SELECT course_id, person_id, event_ms, day, kind, gap,
        count(*) FILTER (before > 1800000) OVER own AS session,
        last_value(CASE WHEN kind IN (4, 5) THEN 1 WHEN kind IN (6, 7) OR before > 300000 THEN 0 END IGNORE NULLS)
            OVER own AS open_300,
        last_value(CASE WHEN kind IN (4, 5) THEN 1 WHEN kind IN (6, 7) OR before > 600000 THEN 0 END IGNORE NULLS)
            OVER own AS open_600,
        last_value(CASE WHEN kind IN (4, 5) THEN 1 WHEN kind IN (6, 7) OR before > 1800000 THEN 0 END IGNORE NULLS)
            OVER own AS open_1800
    FROM gaps
    WINDOW own AS (PARTITION BY course_id, person_id ORDER BY place ROWS UNBOUNDED PRECEDING)
),
sessions AS (
    SELECT course_id, person_id, day, session, count(*) AS n,
        count(*) FILTER (kind = 1) AS page_views, count(*) FILTER (kind = 2) AS scrolls,
        count(*) FILTER (kind = 3) AS video_plays, count(*) FILTER (kind = 4) AS task_starts,
        count(*) FILTER (kind = 5) AS task_attempts, count(*) FILTER (kind = 6) AS task_successes,
        count(*) FILTER (kind = 7) AS task_fails,
        min(event_ms) AS first_ms, max(event_ms) AS last_ms, bool_or(gap IS NULL AND kind = 4) AS ends_with_task_start,
        sum(least(gap, 1800000)) FILTER (gap IS NOT NULL) AS gap_capped_ms,
        sum(least(gap, 1800000)) FILTER (gap IS NOT NULL AND kind = 4) AS task_gap_capped_ms,
        sum(gap) FILTER (gap <= 300000) AS active_300_ms, sum(gap) FILTER (gap <= 600000) AS active_600_ms,
        sum(gap) FILTER (gap <= 1800000) AS active_1800_ms,
        sum(gap) FILTER (gap <= 300000 AND open_300 = 1) AS task_300_ms,
        sum(gap) FILTER (gap <= 600000 AND open_600 = 1) AS task_600_ms,
        sum(gap) FILTER (gap <= 1800000 AND open_1800 = 1) AS task_1800_ms
    FROM states
    GROUP BY ALL
),
days AS (
    SELECT course_id, person_id, day, sum(n)::INT AS event_count,
        sum(page_views)::INT AS page_views, sum(scrolls)::INT AS scrolls, sum(video_plays)::INT AS video_plays,
        sum(task_starts)::INT AS task_starts, sum(task_attempts)::INT AS task_attempts,
        sum(task_successes)::INT AS task_successes, sum(task_fails)::INT AS task_fails,
        min(first_ms) AS first_ms, max(last_ms) AS last_ms,
        bool_or(ends_with_task_start) AS is_task_start_last,
        coalesce(sum(gap_capped_ms), 0)::BIGINT AS gap_capped_ms,
        coalesce(sum(task_gap_capped_ms), 0)::BIGINT AS task_gap_capped_ms,
        coalesce(sum(active_300_ms), 0)::BIGINT AS active_300_ms,
        coalesce(sum(active_600_ms), 0)::BIGINT AS active_600_ms,
        coalesce(sum(active_1800_ms), 0)::BIGINT AS active_1800_ms,
        coalesce(sum(task_300_ms), 0)::BIGINT AS task_300_ms,
        coalesce(sum(task_600_ms), 0)::BIGINT AS task_600_ms,
        coalesce(sum(task_1800_ms), 0)::BIGINT AS task_1800_ms,
        count(*)::INT AS session_count,
        count(*) FILTER (last_ms - first_ms > 10000 OR page_views >= 2 OR task_attempts + task_successes + task_fails > 0)
            ::INT AS engaged_session_count
    FROM sessions
    GROUP BY ALL
),
items AS (
    SELECT course_id, person_id, event_ms // 86400000 AS day,
        coalesce(
            nullif(CASE WHEN json_type(props, '$.task_id') IN ('VARCHAR', 'UBIGINT', 'BIGINT')
                THEN props ->> '$.task_id' END, ''),
            nullif(module_id, '')
        ) AS item
    FROM events
    WHERE event_name = 'task_success'
),
done AS (
    SELECT course_id, person_id, day, list(DISTINCT item) AS done_items
    FROM items
    WHERE item IS NOT NULL
    GROUP BY ALL
)
SELECT days.*, coalesce(done_items, []) AS done_items
FROM days LEFT JOIN done USING (course_id, person_id, day)
