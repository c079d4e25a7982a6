-- Hits of the labelled visits of one counter-day, and which of them may not be learnt from: those at or after the
-- deed that made the visit positive, and those of pages that are the deed themselves.
-- labels: the chosen labels; url_condition: which pages.
SELECT
    toUInt32(%(counter_id)s) AS counter_id,
    toDate(%(day)s) AS date,
    o.owner AS visit_id,
    h.watch_id AS watch_id,
    h.hit_at AS hit_at,
    h.is_page_view AS is_page_view,
    toUInt8(ifNull(h.hit_at >= o.cut_at, 0) OR h.is_excluded) AS is_hidden
FROM
(
    SELECT c.visit_id AS owner, c.chosen.2 AS cut_at,
        arrayJoin(arrayDistinct(v.watch_ids)) AS watch_id
    FROM (SELECT visit_id, watch_ids FROM visits WHERE counter_id = %(counter_id)s AND date = %(day)s) AS v
    GLOBAL INNER JOIN ({labels}) AS c ON v.visit_id = c.visit_id
) AS o
GLOBAL INNER JOIN
(
    SELECT watch_id, hit_at, is_page_view, {url_condition} AS is_excluded
    FROM hits
    WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
) AS h ON o.watch_id = h.watch_id
UNION ALL
-- a visit with more hits than Metrika lists also has those that name it
SELECT
    toUInt32(%(counter_id)s) AS counter_id,
    toDate(%(day)s) AS date,
    o.owner AS visit_id,
    h.watch_id AS watch_id,
    h.hit_at AS hit_at,
    h.is_page_view AS is_page_view,
    toUInt8(ifNull(h.hit_at >= o.cut_at, 0) OR h.is_excluded) AS is_hidden
FROM
(
    SELECT c.visit_id AS owner, c.chosen.2 AS cut_at
    FROM
    (
        SELECT visit_id FROM visits
        WHERE counter_id = %(counter_id)s AND date = %(day)s AND length(watch_ids) >= %(watch_ids_cap)s
    ) AS v
    GLOBAL INNER JOIN ({labels}) AS c ON v.visit_id = c.visit_id
) AS o
GLOBAL INNER JOIN
(
    SELECT visit_id AS named, watch_id, hit_at, is_page_view, {url_condition} AS is_excluded
    FROM hits
    WHERE counter_id = %(counter_id)s AND date IN (%(day)s, %(next_day)s)
) AS h ON o.owner = h.named
