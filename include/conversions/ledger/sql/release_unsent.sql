-- Rows of a file that certainly was not sent, and that must not be sent now.
UPDATE conversions
SET stage = 'held', upload_id = NULL, line_number = NULL, decided_at = :now,
    held_reason = CASE
        WHEN is_withdrawn THEN 'withdrawn'
        WHEN :oldest_epoch > extract(epoch FROM event_at) THEN 'outside_match_window'
        ELSE 'drift_not_approved'
    END
WHERE upload_id = :upload_id
    AND (is_withdrawn OR (visit_id <> 0 AND (:is_blocked OR :oldest_epoch > extract(epoch FROM event_at))))
