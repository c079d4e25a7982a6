-- Grain: one changed value of a closed period.
INSERT INTO metric_restatements (
    slice_id, person_id, old_value, new_value, old_sample_n, new_sample_n, cause, load_ids, run_id, restated_at
)
SELECT slice_id, person_id, old_value, new_value, old_sample_n, new_sample_n, cause, load_ids, :run_id, :now
FROM changes JOIN placed_slices USING (slice_id)
WHERE is_closed AND is_other
ORDER BY slice_id, person_id
