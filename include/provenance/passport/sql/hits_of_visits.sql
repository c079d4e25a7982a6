-- Hits that some visits list; {named} adds those that name a visit at Metrika's cap of listed ids, {clients} narrows
-- to the visits' clients. One row per watch_id, repeated rows settled as features.sql does: the earliest time, the
-- largest visit named.
SELECT
    watch_id,
    max(visit_id) AS named,
    min(hit_at) AS first_at
FROM hits
WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
    AND (watch_id IN %(watch_ids)s{named}){clients}
GROUP BY watch_id
