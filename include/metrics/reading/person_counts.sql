-- One row per period of a course that anybody was active in: how many people were. Days between periods are left out.
SELECT roundDown(toUInt16(day), %(first_days)s) AS period_day, uniqExact(person_id) AS person_count
FROM {user_days}
WHERE project = %(project)s AND course_id = %(course_id)s
    AND toUInt16(day) >= arrayMin(%(first_days)s) AND toUInt16(day) < arrayMax(%(end_days)s)
    AND toUInt16(day) < transform(roundDown(toUInt16(day), %(first_days)s), %(first_days)s, %(end_days)s, 0)
GROUP BY period_day
