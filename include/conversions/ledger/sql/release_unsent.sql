-- Rows of a file that certainly was not sent, and that must not be sent any more.
UPDATE conversions
SET stage = 'held', upload_id = NULL, line_number = NULL, decided_at = :now,
    held_reason = CASE WHEN is_withdrawn THEN 'withdrawn' ELSE 'outside_match_window' END
WHERE upload_id = :upload_id AND (is_withdrawn OR (:oldest_epoch > extract(epoch FROM event_at) AND visit_id <> 0))
