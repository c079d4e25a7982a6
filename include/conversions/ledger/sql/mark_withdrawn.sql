-- Visits that are no longer level 4+; single conversions stay out of it.
UPDATE conversions AS stored
SET is_withdrawn = true
WHERE stored.counter_id = :counter_id AND stored.target = :target AND stored.identifier_kind = :kind
    AND stored.day = :day AND stored.visit_id <> 0 AND NOT stored.is_withdrawn
    AND NOT EXISTS (
        SELECT FROM candidates
        WHERE candidates.visit_id = stored.visit_id AND candidates.identifier = stored.identifier
            AND candidates.event_at = stored.event_at
    )
