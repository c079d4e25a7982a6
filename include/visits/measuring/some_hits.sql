-- Hits that may belong to some visits of a counter-day: one of them lists the hit, or a row of the hit names one.
-- Every row of such a hit is read, because repeated rows of one watch_id are settled together.
SELECT counter_id, date, watch_id, visit_id, hit_at
FROM hits
WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
    AND watch_id GLOBAL IN
    (
        SELECT arrayJoin(watch_ids)
        FROM visits
        WHERE counter_id = %(counter_id)s AND date = %(day)s
            AND client_id IN %(client_ids)s AND visit_id IN %(visit_ids)s
        UNION ALL
        SELECT watch_id
        FROM hits
        WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s) AND visit_id IN %(visit_ids)s
    )
