-- Grain: one course. How many events of loads that count it has since an instant, each once.
SELECT project, scope_id AS course_id, count() AS event_count
FROM {table} FINAL
WHERE (project, scope_id) IN %(courses)s
    AND scope_type = 'course'
    AND event_time >= fromUnixTimestamp64Milli(%(start_ms)s)
    AND occurred_at >= fromUnixTimestamp64Milli(%(start_ms)s) - INTERVAL 1 DAY
    AND {snapshot}
GROUP BY project, course_id
