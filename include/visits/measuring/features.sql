-- Slot features of one counter-day; one row per visit, also for visits without hits.
--
-- Which hits are a visit's: those its watch_ids list. Metrika cuts that list at a cap; a visit at the
-- cap takes the hits that name it in their own visit_id, and listed hits that name no visit. Below the
-- cap a difference between the two ways is flagged (join_disagrees) and counted, never used.
-- Hits of the next day are read too: a visit over midnight keeps its tail.
-- visits and hits in braces: the stored tables, or what training may see of them (training_job/seen_*.sql).
--
-- Listed ids and hits meet in one aggregation by watch_id rather than in a join: repeated ids on
-- either side collapse (earliest time wins), it may spill to disk, and it is right on a cluster
-- without trusting that a hit and its visit carry the same client_id and so lie on the same shard.
-- Only the small per-visit result is joined, GLOBAL because both sides may be Distributed.
--
-- marks: one number per hit, time * 8 + 4 (hit names a visit) + 2 (listed) + 1 (names this visit),
-- so that one sorted array holds the order of times and the origin of every hit.
WITH
    if(
        v.is_capped,
        arrayFilter(mark -> bitTest(mark, 0) OR bitAnd(mark, 6) = 2, h.marks),
        arrayFilter(mark -> bitTest(mark, 1), h.marks)
    ) AS kept_marks,
    arrayMap(mark -> bitShiftRight(mark, 3), kept_marks) AS times,
    length(times) AS hits_matched,
    if(hits_matched = 0, 0, times[hits_matched] - times[1]) AS span,
    arrayMap(time -> intDiv(time - times[1], %(slot_seconds)s), times) AS hit_slots,
    arrayPopFront(arrayDifference(times)) AS gaps,
    arraySort(gaps) AS sorted_gaps,
    length(gaps) AS gap_count
SELECT
    v.counter_id AS counter_id,
    v.date AS date,
    v.visit_id AS visit_id,
    v.client_id AS client_id,
    v.started_at AS started_at,
    v.duration_seconds AS duration_seconds,
    v.page_views AS page_views,
    v.is_bounce AS is_bounce,
    v.device_category AS device_category,
    toUInt32(hits_matched) AS hit_count,
    toUInt32(arrayCount(mark -> bitTest(mark, 0), h.marks)) AS visit_id_hit_count,
    toUInt32(if(hits_matched = 0, 0, 1 + arrayCount(step -> step > 0, arrayDifference(hit_slots)))) AS slots,
    toUInt32(intDiv(span, %(slot_seconds)s)) AS slot_range,
    slots / (duration_seconds / 60 + 1) AS slot_density,
    if(gap_count = 0, 0, (sorted_gaps[intDiv(gap_count + 1, 2)] + sorted_gaps[intDiv(gap_count, 2) + 1]) / 2)
        AS median_pause_seconds,
    if(gap_count = 0, 0, span / gap_count) AS mean_pause_seconds,
    -- whole numbers up to the root: equal gaps give exactly 0
    if(gap_count = 0, 0, sqrt(gap_count * arraySum(gap -> gap * gap, gaps) - span * span) / gap_count)
        AS std_pause_seconds,
    toUInt8(NOT is_capped AND arrayExists(mark -> bitAnd(mark, 7) IN (5, 6), h.marks)) AS join_disagrees
FROM
(
    SELECT
        counter_id, date, visit_id, client_id, started_at, duration_seconds, page_views, is_bounce,
        device_category,
        length(watch_ids) >= %(watch_ids_cap)s AS is_capped
    FROM {visits}
    WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS v
GLOBAL LEFT JOIN
(
    SELECT
        target,
        arraySort(groupArray(seconds * 8 + (named > 0) * 4 + has(listed, target) * 2 + (named = target))) AS marks
    FROM
    (
        SELECT
            watch_id,
            groupArrayIf(visit, is_listing) AS listed,
            maxIf(visit, NOT is_listing) AS named,
            minIf(at_seconds, NOT is_listing) AS seconds
        FROM
        (
            SELECT
                arrayJoin(arrayDistinct(watch_ids)) AS watch_id,
                visit_id AS visit,
                toUInt8(1) AS is_listing,
                toUInt64(0) AS at_seconds
            FROM {visits}
            WHERE counter_id = %(counter_id)s AND date = %(day)s
            UNION ALL
            SELECT
                watch_id,
                visit_id AS visit,
                toUInt8(0) AS is_listing,
                toUInt64(toUnixTimestamp(hit_at)) AS at_seconds
            FROM {hits}
            WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
        )
        GROUP BY watch_id
        HAVING countIf(NOT is_listing) > 0
    )
    ARRAY JOIN if(named = 0 OR has(listed, named), listed, arrayPushBack(listed, named)) AS target
    GROUP BY target
) AS h ON v.visit_id = h.target
