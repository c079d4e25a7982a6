-- ClickHouse. Grain: one row per level 4+ visit of a counter-day. event_epoch: visit start, Unix seconds.
SELECT
    visit_id,
    client_id,
    toInt64(toUnixTimestamp(started_at)) AS event_epoch
FROM visit_scores
WHERE counter_id = %(counter_id)s AND date = %(day)s AND is_level4 = 1
