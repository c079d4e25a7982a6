INSERT INTO conversions (
    conversion_id, counter_id, target, identifier_kind, identifier, event_at, visit_id, day, sent_epoch_seconds,
    currency, stage, held_reason, is_withdrawn, decided_at
)
SELECT
    gen_random_uuid(), :counter_id, :target, :kind, identifier, event_at, visit_id, :day, event_epoch + :offset_seconds,
    '', 'held', reason, false, :now
FROM decided
WHERE reason <> '' AND conversion_id IS NULL
