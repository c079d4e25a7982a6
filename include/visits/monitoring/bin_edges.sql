-- Deciles of each watched feature over the days of the reference; one row per feature.
-- The deterministic sample keeps memory bounded and the answer independent of the order of rows.
SELECT
    feature,
    quantilesDeterministic(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)(value, visit_id) AS deciles
FROM ({values})
GROUP BY feature
ORDER BY feature
