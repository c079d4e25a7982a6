-- New conversions of one file; lines count from 1 in the order of position.
INSERT INTO conversions (
    conversion_id, counter_id, target, identifier_kind, identifier, event_at, visit_id, day, sent_epoch_seconds,
    currency, stage, held_reason, upload_id, line_number, is_withdrawn, decided_at
)
SELECT
    gen_random_uuid(), :counter_id, :target, :kind, identifier, event_at, visit_id, :day, event_epoch + :offset_seconds,
    '', 'placed', '', :upload_id, position - :first + 1, false, :now
FROM decided
WHERE position BETWEEN :first AND :last AND conversion_id IS NULL
