-- Visits that a model was asked about, by device and version; the labelled ones are counted in observed.sql.
SELECT device_category, model_version, count() AS visit_count
FROM visit_scores
WHERE counter_id = %(counter_id)s AND date BETWEEN %(first_day)s AND %(day)s AND isNotNull(score)
GROUP BY device_category, model_version
ORDER BY device_category, model_version
