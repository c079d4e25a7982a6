-- Decisions of one counter-day; one row per visit of the features table, in the order of the rules:
-- rule 180-5-5, no hits, device without a model of its own, no model registered, strictly above the threshold.
-- {features}: features of the day; {probabilities}: what the models answered, one row per visit asked about.
WITH
    f.duration_seconds >= %(rule_duration_seconds)s
        AND f.page_views >= %(rule_page_views)s
        AND f.slots >= %(rule_slots)s AS by_rule,
    f.device_category IN (%(desktop)s, %(mobile)s) AS is_modelled_device,
    f.device_category = %(desktop)s AS is_desktop,
    if(is_desktop, CAST(%(desktop_threshold)s AS Nullable(Float64)), CAST(%(mobile_threshold)s AS Nullable(Float64)))
        AS device_threshold,
    multiIf(
        by_rule, 'rule',
        f.hit_count = 0, 'no_hits',
        NOT is_modelled_device, 'device_not_modelled',
        isNull(device_threshold), 'no_model',
        p.probability > device_threshold, 'model',
        'below_threshold'
    ) AS decided,
    decided IN ('model', 'below_threshold') AS is_asked
SELECT
    f.counter_id AS counter_id,
    f.date AS date,
    f.visit_id AS visit_id,
    f.client_id AS client_id,
    f.started_at AS started_at,
    f.duration_seconds AS duration_seconds,
    f.page_views AS page_views,
    f.device_category AS device_category,
    toUInt8(decided IN ('rule', 'model')) AS is_level4,
    if(is_level4, decided, 'none') AS decided_by,
    decided AS reason,
    if(is_asked, p.probability, NULL) AS score,
    if(is_asked, device_threshold, NULL) AS threshold,
    if(is_asked, if(is_desktop, %(desktop_name)s, %(mobile_name)s), '') AS model_name,
    if(is_asked, if(is_desktop, %(desktop_version)s, %(mobile_version)s), '') AS model_version
FROM
(
    SELECT
        counter_id, date, visit_id, client_id, started_at, duration_seconds, page_views, device_category,
        slots, hit_count
    FROM {features}
    WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS f
GLOBAL LEFT JOIN
(
    SELECT visit_id, toNullable(probability) AS probability
    FROM {probabilities}
    WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS p ON f.visit_id = p.visit_id
