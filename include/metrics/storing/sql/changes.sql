-- Grain: one person of a slice that was calculated before and now has another row, a first row, or none any more.
-- is_other says that the value itself moved: by more than one part in 10^9, or between NULL and a number.
CREATE TEMPORARY TABLE changes ON COMMIT DROP AS
WITH computed AS (
    SELECT slice_id, person_id, value, numerator, denominator, sample_n, null_reason, by_timeout
    FROM incoming_values JOIN placed_slices USING (metric, version, period_start_at)
    WHERE NOT is_new
), stored AS (
    SELECT v.* FROM metric_values AS v JOIN placed_slices AS p USING (slice_id) WHERE NOT p.is_new
), compared AS (
    SELECT slice_id, person_id, o.value AS old_value, n.value AS new_value,
           coalesce(o.sample_n, 0) AS old_sample_n, coalesce(n.sample_n, 0) AS new_sample_n,
           o.sample_n IS NULL AS is_first, n.sample_n IS NULL AS is_gone,
           CASE
               WHEN o.value IS NULL OR n.value IS NULL THEN (o.value IS NULL) != (n.value IS NULL)
               ELSE abs(o.value - n.value) > :tolerance * greatest(abs(o.value), abs(n.value))
           END AS is_other,
           (o.numerator, o.denominator, o.sample_n, o.null_reason, o.by_timeout)
               IS DISTINCT FROM (n.numerator, n.denominator, n.sample_n, n.null_reason, n.by_timeout) AS is_told_otherwise,
           n.numerator, n.denominator, n.null_reason, n.by_timeout
    FROM stored AS o FULL JOIN computed AS n USING (slice_id, person_id)
)
SELECT * FROM compared WHERE is_other OR is_told_otherwise
