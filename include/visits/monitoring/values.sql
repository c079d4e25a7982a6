-- What is watched of each visit of one device; one row per visit and feature.
-- A score belongs to one version of a model, so only its own are compared.
SELECT date, visit_id, named.1 AS feature, named.2 AS value
FROM
(
    SELECT
        date,
        visit_id,
        arrayJoin([
            ('slots', toFloat64(slots)),
            ('slot_range', toFloat64(slot_range)),
            ('slot_density', slot_density),
            ('median_pause_seconds', median_pause_seconds),
            ('mean_pause_seconds', mean_pause_seconds),
            ('std_pause_seconds', std_pause_seconds),
            ('duration_seconds', toFloat64(duration_seconds)),
            ('page_views', toFloat64(page_views)),
            ('is_bounce', toFloat64(is_bounce)),
            ('hit_count', toFloat64(hit_count))
        ]) AS named
    FROM visit_features
    WHERE counter_id = %(counter_id)s AND date IN %(days)s AND device_category = %(device)s
    UNION ALL
    SELECT date, visit_id, ('flagged_by_rule', toFloat64(reason = 'rule')) AS named
    FROM visit_scores
    WHERE counter_id = %(counter_id)s AND date IN %(days)s AND device_category = %(device)s
    UNION ALL
    SELECT
        date,
        visit_id,
        arrayJoin([('score', assumeNotNull(score)), ('flagged_by_model', toFloat64(is_level4))]) AS named
    FROM visit_scores
    WHERE counter_id = %(counter_id)s AND date IN %(days)s AND device_category = %(device)s
        AND isNotNull(score) AND model_version = %(version)s
)
