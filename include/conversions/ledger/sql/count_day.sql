-- The ledger's view of a day: conversions of visits by what became of them in this run; standing are those that
-- are level 4+, withdrawn those that no longer are.
SELECT
    count(*) FILTER (WHERE NOT is_withdrawn) AS standing_count,
    count(*) FILTER (WHERE NOT is_withdrawn AND stage = ANY (:unsent_stages)) AS held_count,
    count(*) FILTER (
        WHERE NOT is_withdrawn AND stage <> ALL (:unsent_stages) AND upload_id = ANY (CAST(:upload_ids AS uuid[]))
    ) AS sent_count,
    count(*) FILTER (
        WHERE NOT is_withdrawn AND stage <> ALL (:unsent_stages) AND upload_id <> ALL (CAST(:upload_ids AS uuid[]))
    ) AS already_sent_count,
    count(*) FILTER (WHERE is_withdrawn) AS withdrawn_count,
    count(*) FILTER (WHERE is_withdrawn AND stage <> ALL (:unsent_stages)) AS withdrawn_sent_count,
    coalesce(sum(hashtextextended(
        concat_ws('|', visit_id, identifier, extract(epoch FROM event_at)::bigint, held_reason), 0
    )::numeric) FILTER (WHERE NOT is_withdrawn), 0) AS digest_sum
FROM conversions
WHERE counter_id = :counter_id AND target = :target AND identifier_kind = :kind AND day = :day
    AND visit_id <> 0
