-- One row when any user-day of a course was cut in another zone than the one asked for, else none.
SELECT 1
FROM {user_days}
WHERE project = %(project)s AND course_id = %(course_id)s AND time_zone != %(zone)s
LIMIT 1
