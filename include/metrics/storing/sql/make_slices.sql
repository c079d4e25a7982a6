-- Grain: one slice. Those that were never calculated; of two who make the same one, the second waits for the first.
INSERT INTO metric_slices (
    project, course_id, metric, version, card_digest, grain, period_start_at, period_end_at, time_zone,
    row_count, run_id, calculated_at
)
SELECT :project, :course_id, metric, version, card_digest, :grain, period_start_at, period_end_at, :time_zone,
       0, :run_id, :now
FROM asked_slices
ORDER BY metric, version, card_digest, period_start_at
ON CONFLICT DO NOTHING
RETURNING slice_id
