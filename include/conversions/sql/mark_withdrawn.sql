-- A visit that is no longer level 4+ is marked, one that is again is unmarked; single conversions stay out of it.
UPDATE conversions AS stored
SET is_withdrawn = judged.is_gone
FROM (
    SELECT ledger.conversion_id, candidates.visit_id IS NULL AS is_gone
    FROM conversions AS ledger
    LEFT JOIN candidates USING (visit_id, identifier, event_at)
    WHERE ledger.counter_id = :counter_id AND ledger.target = :target AND ledger.identifier_kind = :kind
        AND ledger.day = :day AND ledger.visit_id <> 0
) AS judged
WHERE stored.conversion_id = judged.conversion_id AND stored.is_withdrawn <> judged.is_gone
