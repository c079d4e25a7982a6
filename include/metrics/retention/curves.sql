-- One row per first-ever active day in the course and day n after it (0 to longest_days, and one more for everything
-- later): how many people were active on day n, for how many it was the last active day, and by how many those covered
-- by a window of active days change there. A person whose n-th day is active is covered from n until the window, or
-- the next active day, begins anew; day 0 covers itself alone.
SELECT
    toDate(toUInt16(first_day)) AS first_day_date,
    mark.1 AS n,
    sum(mark.2) AS active_count,
    sum(mark.3) AS last_count,
    sum(mark.4) AS covered_change
FROM (
    SELECT
        first_day,
        arrayConcat(
            arrayMap(
                (n, following) -> (least(n, %(beyond)s), toInt64(1), toInt64(following = %(never)s), toInt64(1)),
                offsets, followings
            ),
            arrayMap(
                (n, following) -> (
                    least(if(n = 0, 1, least(n + %(window_days)s, following)), %(beyond)s),
                    toInt64(0), toInt64(0), toInt64(-1)
                ),
                offsets, followings
            )
        ) AS marks
    FROM (
        SELECT
            days[1] AS first_day,
            arrayMap(day -> toInt64(day - days[1]), days) AS offsets,
            arrayPushBack(arrayPopFront(arrayMap(day -> toInt64(day - days[1]), days)), %(never)s) AS followings
        FROM (
            SELECT person_id, arraySort(groupUniqArray(toInt64(toUInt16(day)))) AS days
            FROM {user_days}
            WHERE project = %(project)s AND course_id = %(course_id)s
            GROUP BY person_id
        )
        WHERE first_day >= toInt64(toUInt16(toDate(%(first_day)s))) AND first_day <= toInt64(toUInt16(toDate(%(last_day)s)))
    )
)
ARRAY JOIN marks AS mark
GROUP BY first_day, n
ORDER BY first_day, n
