-- The label of each visit of a counter-day, as known at a moment; one row per visit. Of several sources the one
-- named first decides. A visit whose outcome is still awaited is left out also when it is positive already:
-- of recent days only positive visits would be known.
SELECT visit_id, argMin((label, event_at), rank) AS chosen
FROM
(
    SELECT visit_id, label, event_at, indexOf(%(ranked_sources)s, source) AS rank
    FROM visit_labels
    WHERE counter_id = %(counter_id)s AND date = %(day)s AND source IN %(sources)s
        AND labelled_at <= toDateTime(%(as_of)s, 'UTC')
        AND ifNull(window_ends_at, toDateTime(0, 'UTC')) <= toDateTime(%(as_of)s, 'UTC')
)
GROUP BY visit_id
