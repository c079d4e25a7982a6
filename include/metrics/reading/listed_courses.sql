-- One row per course with user-days: its first and last active day, how many active days it has, and how many people.
SELECT project, course_id, min(day) AS first_day, max(day) AS last_day, uniqExact(day) AS day_count,
    uniqExact(person_id) AS person_count
FROM {user_days}
WHERE (project, course_id) IN %(courses)s
GROUP BY project, course_id
