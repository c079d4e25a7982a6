-- Grain: one row per visit of a counter-day that is in the stored scores or in the trial.
-- side: 0 as stored, 1 as tried, 2 what the visit is worth; a visit that is on one side only has an empty reason
-- on the other. {trial}: staging table with the tried decisions; {value}: hundredths of a row of visits.
SELECT
    visit_id,
    max(is_level4 AND side = 0) AS is_before,
    max(is_level4 AND side = 1) AS is_after,
    multiIf(is_before AND is_after, 'kept', is_after, 'added', is_before, 'removed', 'neither') AS change,
    anyIf(reason, side = 0) AS old_reason,
    anyIf(reason, side = 1) AS new_reason,
    if(new_reason = '', anyIf(device_category, side = 0), anyIf(device_category, side = 1)) AS device,
    if(new_reason = '', anyIf(client_id, side = 0), anyIf(client_id, side = 1)) AS client,
    toInt64(toUnixTimestamp(if(new_reason = '', anyIf(started_at, side = 0), anyIf(started_at, side = 1)))) AS epoch,
    ifNull(anyIf(score, side = 0), nan) AS old_score,
    ifNull(anyIf(score, side = 1), nan) AS new_score,
    ifNull(anyIf(threshold, side = 0), nan) AS old_threshold,
    ifNull(anyIf(threshold, side = 1), nan) AS new_threshold,
    anyIf(model_version, side = 0) AS old_version,
    anyIf(model_version, side = 1) AS new_version,
    max(value_cents) AS cents
FROM
(
    SELECT
        0 AS side, visit_id, client_id, started_at, device_category, is_level4, reason, score, threshold,
        model_version, toInt64(0) AS value_cents
    FROM visit_scores
    WHERE counter_id = %(counter_id)s AND date = %(day)s
    UNION ALL
    SELECT
        1, visit_id, client_id, started_at, device_category, is_level4, reason, score, threshold, model_version,
        toInt64(0)
    FROM {trial}
    WHERE counter_id = %(counter_id)s AND date = %(day)s
    UNION ALL
    SELECT 2, visit_id, 0, toDateTime(0, 'UTC'), '', 0, '', NULL, NULL, '', {value}
    FROM visits
    WHERE counter_id = %(counter_id)s AND date = %(day)s
)
GROUP BY visit_id
HAVING old_reason != '' OR new_reason != ''
