SELECT held_reason, count(*) AS held_count
FROM conversions
WHERE counter_id = :counter_id AND target = :target AND identifier_kind = :kind AND day = :day
    AND visit_id <> 0 AND NOT is_withdrawn AND stage = ANY (:unsent_stages)
GROUP BY held_reason
ORDER BY held_reason
