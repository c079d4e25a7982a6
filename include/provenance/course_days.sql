-- Grain: one course. How many events its user-days since a local day are made of.
SELECT project, course_id, sum(event_count) AS event_count
FROM {table}
WHERE (project, course_id) IN %(courses)s AND day >= %(first_day)s
GROUP BY project, course_id
