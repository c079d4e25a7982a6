-- One row per course and local day of the events that some loads brought: which loads, how many events, and whether a
-- task was solved. Copies of an event that are not merged yet count each; they bring their day no harm.
SELECT
    project,
    scope_id AS course_id,
    roundDown(toUnixTimestamp64Milli(event_time), %(day_starts)s) AS day_start,
    groupUniqArray(load_id) AS load_ids,
    count() AS event_count,
    max(event_name = 'task_success') AS may_complete,
    countIf(receipt_id IN %(replays)s) AS replayed_count
FROM {table}
WHERE scope_type = 'course' AND load_id IN %(load_ids)s AND (project, scope_id) IN %(courses)s
GROUP BY project, course_id, day_start
