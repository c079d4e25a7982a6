-- Grain: one row per person of the course. Meaning: when the person was first seen at all (day d0), whether day d0 + n
-- has ended, and whether the person was seen on it (or, unbounded, on it or later).
SELECT
    person_id,
    toUnixTimestamp64Milli(min(first_at)) AS first_ever_ms,
    toUInt16(min(day)) + %(n_days)s AS return_day,
    return_day < %(today)s AS is_closed,
    if(
        %(retention_kind)s = 'unbounded',
        toUInt16(max(day)) >= return_day,
        has(groupArrayIf(toUInt16(day), day >= %(first_return_day)s), return_day)
    ) AS is_back
FROM {user_days}
WHERE project = %(project)s AND course_id = %(course_id)s AND day <= %(last_return_day)s{only_person}
GROUP BY person_id
