-- One row per course and UTC date of its events, of some loads or of all. Copies that are not merged yet do no harm.
SELECT project, scope_id AS course_id, toDate(event_time, 'UTC') AS utc_date
FROM {table}
WHERE scope_type = 'course' AND {condition}
GROUP BY project, course_id, utc_date
