-- One row per day that the first day of some person in a course moves from or to when staged days replace stored ones.
-- Only people who come to one of these days, or leave it, are looked up among all days.
WITH moved AS (
    SELECT DISTINCT person_id
    FROM (
        SELECT person_id, day, 1 AS is_staged
        FROM {stage}
        WHERE project = %(project)s AND course_id = %(course)s
        UNION ALL
        SELECT person_id, day, 0 AS is_staged
        FROM {user_days}
        WHERE project = %(project)s AND course_id = %(course)s AND day IN %(days)s
    )
    GROUP BY person_id, day
    HAVING min(is_staged) = max(is_staged)
)
SELECT DISTINCT arrayJoin([old_day, new_day]) AS day
FROM (
    SELECT
        person_id,
        minOrNullIf(day, place != 'staged') AS old_day,
        minOrNullIf(day, place != 'replaced') AS new_day
    FROM (
        SELECT person_id, day, 'staged' AS place
        FROM {stage}
        WHERE project = %(project)s AND course_id = %(course)s AND person_id GLOBAL IN (SELECT person_id FROM moved)
        UNION ALL
        SELECT person_id, day, if(day IN %(days)s, 'replaced', 'kept') AS place
        FROM {user_days}
        WHERE project = %(project)s AND course_id = %(course)s AND person_id GLOBAL IN (SELECT person_id FROM moved)
    )
    GROUP BY person_id
)
WHERE ifNull(old_day, toDate(0)) != ifNull(new_day, toDate(0)) AND day IS NOT NULL
ORDER BY day
