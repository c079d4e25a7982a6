-- Grain: one row per candidate. is_settled: it is in an upload that was or may have been sent.
-- reason: why it is held, empty when it is settled or may be sent; position: order among those to send, from 1.
CREATE TEMPORARY TABLE decided ON COMMIT DROP AS
WITH known AS (
    SELECT conversion_id, identifier, event_at, visit_id, stage <> ALL (:unsent_stages) AS is_settled
    FROM conversions
    WHERE counter_id = :counter_id AND target = :target AND identifier_kind = :kind
        AND day BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1
),
taken AS (
    SELECT DISTINCT identifier, event_at FROM known WHERE is_settled
),
judged AS (
    SELECT
        candidates.visit_id,
        candidates.identifier,
        candidates.event_at,
        candidates.event_epoch,
        known.conversion_id,
        coalesce(known.is_settled, false) AS is_settled,
        CASE
            WHEN known.is_settled THEN ''
            WHEN candidates.held_reason <> '' THEN candidates.held_reason
            WHEN taken.identifier IS NOT NULL THEN 'same_moment'
            WHEN row_number() OVER (
                PARTITION BY candidates.identifier, candidates.event_at ORDER BY candidates.visit_id
            ) > 1 THEN 'same_moment'
            ELSE ''
        END AS reason
    FROM candidates
    LEFT JOIN known USING (visit_id, identifier, event_at)
    LEFT JOIN taken USING (identifier, event_at)
)
SELECT
    *,
    CASE
        WHEN NOT is_settled AND reason = ''
        THEN row_number() OVER (PARTITION BY is_settled, reason ORDER BY event_at, visit_id)
    END AS position
FROM judged
