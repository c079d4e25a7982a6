-- Grain: one row per asked visit, in the order asked. Its own row of the ledger wins; else another visit of the
-- same client at the same second that is in an upload keeps it from being sent.
SELECT
    CASE
        WHEN own.stage <> ALL (:unsent_stages) AND uploads.sent_at IS NOT NULL AND own.is_withdrawn THEN 'sent_before'
        WHEN own.stage <> ALL (:unsent_stages) AND uploads.sent_at IS NOT NULL THEN 'sent'
        WHEN own.stage <> ALL (:unsent_stages) THEN 'can_be_sent'
        WHEN EXISTS (
            SELECT FROM conversions AS other
            WHERE other.counter_id = :counter_id AND other.target = :target AND other.identifier_kind = :kind
                AND other.identifier = asked.identifier AND other.event_at = to_timestamp(asked.epoch)
                AND other.visit_id <> asked.visit_id AND other.stage <> ALL (:unsent_stages)
        ) THEN 'same_moment'
        ELSE ''
    END AS status
FROM unnest(
    CAST(:visit_ids AS numeric[]), CAST(:identifiers AS text[]), CAST(:epochs AS bigint[])
) WITH ORDINALITY AS asked (visit_id, identifier, epoch, place)
LEFT JOIN conversions AS own
    ON own.counter_id = :counter_id AND own.target = :target AND own.identifier_kind = :kind
    AND own.identifier = asked.identifier AND own.event_at = to_timestamp(asked.epoch)
    AND own.visit_id = asked.visit_id
LEFT JOIN conversion_uploads AS uploads ON uploads.upload_id = own.upload_id
ORDER BY asked.place
