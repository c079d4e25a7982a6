UPDATE conversions AS stored
SET stage = 'held', held_reason = decided.reason, upload_id = NULL, line_number = NULL, decided_at = :now
FROM decided
WHERE decided.reason <> '' AND stored.conversion_id = decided.conversion_id
    AND (stored.stage <> 'held' OR stored.held_reason <> decided.reason)
