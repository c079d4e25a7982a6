-- Visits of one counter-day and whether their client did something in time; one row per visit, also for those
-- whose outcome is not known yet (is_pending).
-- The window of a visit: from its start to its end, or to within_seconds after its start, whichever is later.
-- events: client_id, visit_id (0 when the event names none) and occurred_at of everything that counts.
-- What happened after as_of is not known; what would happen after complete_until may not be loaded.
WITH
    arrayMap(
        event -> event.1,
        arrayFilter(
            event -> event.2 = v.visit_id OR (event.1 >= v.started_at AND event.1 <= v.ends_at),
            e.client_events
        )
    ) AS moments
SELECT
    v.counter_id AS counter_id,
    v.date AS date,
    v.visit_id AS visit_id,
    v.client_id AS client_id,
    %(source)s AS source,
    toUInt8(notEmpty(moments)) AS label,
    CAST(NULL AS Nullable(UInt8)) AS level,
    toNullable(if(label, arrayMin(moments), v.ends_at)) AS labelled_at,
    toNullable(v.ends_at) AS window_ends_at,
    if(label, toNullable(arrayMin(moments)), NULL) AS event_at
FROM
(
    SELECT
        counter_id, date, visit_id, client_id, started_at,
        greatest(started_at + duration_seconds, started_at + %(within_seconds)s) AS ends_at
    FROM visits
    WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS v
GLOBAL LEFT JOIN
(
    SELECT client_id, groupArray((occurred_at, visit_id)) AS client_events
    FROM ({events})
    WHERE occurred_at <= toDateTime(%(as_of)s, 'UTC')
    GROUP BY client_id
) AS e ON v.client_id = e.client_id
