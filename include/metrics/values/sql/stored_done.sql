-- Grain: one row per person and local day of the course before a day. Meaning: the items done on it.
SELECT person_id, day, done_items
FROM {user_days}
WHERE project = %(project)s AND course_id = %(course_id)s AND day < %(done_before_day)s AND notEmpty(done_items){only_person}
