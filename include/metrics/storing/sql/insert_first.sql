-- Grain: one person who is in a slice for the first time, or everybody when the slice itself is new.
-- In the order of the primary key, which costs a sort and saves more than that in the index.
INSERT INTO metric_values (
    slice_id, person_id, value, numerator, denominator, sample_n, null_reason, by_timeout
)
SELECT slice_id, person_id, value, numerator, denominator, sample_n, null_reason, by_timeout
FROM (
    SELECT slice_id, person_id, value, numerator, denominator, sample_n, null_reason, by_timeout
    FROM incoming_values JOIN placed_slices USING (metric, version, period_start_at)
    WHERE is_new
    UNION ALL
    SELECT slice_id, person_id, new_value, numerator, denominator, new_sample_n, null_reason, by_timeout
    FROM changes
    WHERE is_first
) AS arrived
ORDER BY slice_id, person_id
