-- Labelled visits of some days of one counter without a single stored hit.
-- found: the labelled visits.
SELECT count() AS without_hits
FROM
(
    SELECT visit_id, watch_ids
    FROM visits
    WHERE counter_id = %(counter_id)s AND date IN %(days)s
        AND visit_id GLOBAL IN (SELECT visit_id FROM {found} WHERE counter_id = %(counter_id)s)
) AS v
GLOBAL LEFT JOIN
(
    SELECT owner, toUInt8(1) AS has_hit
    FROM
    (
        SELECT arrayJoin(watch_ids) AS watch_id, visit_id AS owner
        FROM visits
        WHERE counter_id = %(counter_id)s AND date IN %(days)s
            AND visit_id GLOBAL IN (SELECT visit_id FROM {found} WHERE counter_id = %(counter_id)s)
    )
    WHERE watch_id GLOBAL IN (SELECT watch_id FROM hits WHERE counter_id = %(counter_id)s AND date IN %(hit_days)s)
    GROUP BY owner
) AS h ON v.visit_id = h.owner
WHERE h.has_hit = 0
