-- One row per course that a person has events in between two instants, as far as whole local days tell.
SELECT DISTINCT course_id
FROM {user_days}
WHERE project = %(project)s AND person_id = toUUID(%(person_id)s)
    AND day >= %(first_day)s AND day <= %(last_day)s
    AND first_at < fromUnixTimestamp64Milli(%(end_ms)s, 'UTC') AND last_at >= fromUnixTimestamp64Milli(%(start_ms)s, 'UTC')
ORDER BY course_id
