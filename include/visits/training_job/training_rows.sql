-- Labelled visits of one counter-day with what may be learnt from them; one row per visit, in the order of time.
SELECT
    f.visit_id AS visit_id,
    f.client_id AS client_id,
    toInt64(toUnixTimestamp(f.started_at)) AS at_seconds,
    f.device_category AS device_category,
    f.hit_count AS hit_count,
    {columns},
    l.chosen.1 AS label
FROM
(
{features}
) AS f
GLOBAL INNER JOIN ({labels}) AS l ON f.visit_id = l.visit_id
ORDER BY at_seconds, visit_id
