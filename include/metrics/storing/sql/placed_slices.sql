-- Grain: one slice of the batch with its number, locked until the end of the transaction.
CREATE TEMPORARY TABLE placed_slices ON COMMIT DROP AS
WITH locked AS MATERIALIZED (
    SELECT slice_id, metric, version, card_digest, period_start_at, period_end_at
    FROM metric_slices
    WHERE project = :project AND course_id = :course_id AND grain = :grain
      AND (metric, version, card_digest, period_start_at, period_end_at) IN (
          SELECT metric, version, card_digest, period_start_at, period_end_at FROM asked_slices
      )
    ORDER BY slice_id
    FOR UPDATE
)
SELECT slice_id, metric, version, period_start_at, is_closed, cause, CAST(load_ids AS bigint[]) AS load_ids,
       next_change_at, slice_id = ANY (CAST(:new_ids AS bigint[])) AS is_new
FROM locked JOIN asked_slices USING (metric, version, card_digest, period_start_at, period_end_at)
