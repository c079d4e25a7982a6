-- One row per person with a user-day on one of some days of a course, the first of them from a point on the ring of ids:
-- ids of persons are hashes, so neighbours have nothing in common but granules of the table of events.
SELECT person_id AS person
FROM user_days
WHERE project = %(project)s AND course_id = %(course_id)s AND day IN %(days)s
GROUP BY person
ORDER BY person < toUUID(%(start)s), person
LIMIT %(count)s
