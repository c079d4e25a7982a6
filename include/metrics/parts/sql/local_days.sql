-- One row per course and local day of its events, of some loads or of all: how many rows, which loads brought them, and
-- whether a task was solved. Copies that are not merged yet do no harm.
SELECT
    project,
    scope_id AS course_id,
    roundDown(toUnixTimestamp64Milli(event_time), CAST(%(day_starts)s, 'Array(Int64)')) AS day_start,
    count() AS row_count,
    groupUniqArray(load_id) AS load_ids,
    max(event_name = 'task_success') AS may_complete
FROM {table}
WHERE scope_type = 'course' AND (project, scope_id) IN %(courses)s AND {condition}
GROUP BY project, course_id, day_start
