(
    -- Hits of one counter-day and the next without those that training may not know.
    SELECT counter_id, date, watch_id, visit_id, hit_at
    FROM hits
    WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
        AND (watch_id, hit_at) GLOBAL NOT IN (
            SELECT watch_id, hit_at FROM {hidden}
            WHERE counter_id = %(counter_id)s AND date = %(day)s AND is_hidden
        )
)
