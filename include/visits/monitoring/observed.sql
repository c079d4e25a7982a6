-- Promised against observed: visits that a model was asked about and that have a label by now.
-- Grain: device, model version, source of the labels, band of equal width and decile of the score. Sums only:
-- everything the report says of calibration is made of them.
SELECT
    device_category,
    model_version,
    source,
    band,
    arrayCount(edge -> score > edge, deciles) AS decile,
    count() AS visit_count,
    sum(label) AS positive_count,
    sum(score) AS score_sum,
    sum((label - score) * (label - score)) AS square_sum,
    sum(score * (1 - score)) AS variance_sum,
    sum((label - score) * (1 - 2 * score)) AS tilt_sum,
    sum((1 - 2 * score) * (1 - 2 * score) * score * (1 - score)) AS tilt_variance_sum
FROM
(
    SELECT device_category, model_version, source, label, score, least(toUInt8(floor(score * 10)), 9) AS band
    FROM
    (
        SELECT date, visit_id, device_category, model_version, assumeNotNull(score) AS score
        FROM visit_scores
        WHERE counter_id = %(counter_id)s AND date BETWEEN %(first_day)s AND %(day)s AND isNotNull(score)
    ) AS s
    GLOBAL INNER JOIN
    (
        SELECT date, visit_id, source, toInt16(label) AS label
        FROM visit_labels
        WHERE counter_id = %(counter_id)s AND date BETWEEN %(first_day)s AND %(day)s
    ) AS l ON s.date = l.date AND s.visit_id = l.visit_id
) AS labelled
GLOBAL INNER JOIN
(
    SELECT
        device_category,
        model_version,
        source,
        quantilesDeterministic(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)(assumeNotNull(score), visit_id) AS deciles
    FROM visit_scores AS s
    GLOBAL INNER JOIN
    (
        SELECT date, visit_id, source
        FROM visit_labels
        WHERE counter_id = %(counter_id)s AND date BETWEEN %(first_day)s AND %(day)s
    ) AS l ON s.date = l.date AND s.visit_id = l.visit_id
    WHERE s.counter_id = %(counter_id)s AND s.date BETWEEN %(first_day)s AND %(day)s AND isNotNull(score)
    GROUP BY device_category, model_version, source
) AS edges USING (device_category, model_version, source)
GROUP BY device_category, model_version, source, band, decile
ORDER BY device_category, model_version, source, band, decile
