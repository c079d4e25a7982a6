-- Grain: one row per person and local day of the batch. Meaning: its user-days as they are stored.
SELECT *
FROM {user_days}
WHERE project = %(project)s AND course_id = %(course_id)s AND day IN %(days)s{only_person}
