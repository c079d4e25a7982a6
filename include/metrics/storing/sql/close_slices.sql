-- Grain: one slice of the batch: how many people it has, when it changes by itself, and who calculated it when.
UPDATE metric_slices AS s
SET row_count = p.row_count, next_change_at = p.next_change_at, run_id = :run_id, calculated_at = :now
FROM (
    SELECT slice_id, next_change_at, count(person_id) AS row_count
    FROM placed_slices LEFT JOIN incoming_values USING (metric, version, period_start_at)
    GROUP BY slice_id, next_change_at
) AS p
WHERE s.slice_id = p.slice_id
RETURNING s.row_count
