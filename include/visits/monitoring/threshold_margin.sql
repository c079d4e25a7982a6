-- How close the asked visits of a day lie to their threshold; one row per device and version.
SELECT
    device_category,
    model_version,
    any(threshold) AS device_threshold,
    count() AS asked_count,
    countIf(is_level4 = 1) AS flagged_count,
    countIf(score > threshold AND score <= threshold + %(margin)s) AS lost_count,
    countIf(score <= threshold AND score > threshold - %(margin)s) AS won_count
FROM visit_scores
WHERE counter_id = %(counter_id)s AND date = %(day)s AND isNotNull(score)
GROUP BY device_category, model_version
ORDER BY device_category, model_version
