-- Visits of each day by device category; bin 0 holds what is none of %(devices)s.
SELECT
    'device_mix' AS feature,
    date,
    indexOf(%(devices)s, device_category) AS bin,
    count() AS visit_count,
    0. AS value_sum
FROM visit_features
WHERE counter_id = %(counter_id)s AND date IN %(days)s
GROUP BY date, bin
ORDER BY date, bin
