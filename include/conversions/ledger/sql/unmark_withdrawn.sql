-- Visits that are level 4+ again.
UPDATE conversions AS stored
SET is_withdrawn = false
FROM candidates
WHERE stored.counter_id = :counter_id AND stored.target = :target AND stored.identifier_kind = :kind
    AND stored.day = :day AND stored.is_withdrawn
    AND candidates.visit_id = stored.visit_id AND candidates.identifier = stored.identifier
    AND candidates.event_at = stored.event_at
