-- Conversions of one file that were held, refused or without a goal before.
UPDATE conversions AS stored
SET stage = 'placed', held_reason = '', upload_id = :upload_id, line_number = decided.position - :first + 1,
    sent_epoch_seconds = decided.event_epoch + :offset_seconds, decided_at = :now
FROM decided
WHERE decided.position BETWEEN :first AND :last AND stored.conversion_id = decided.conversion_id
