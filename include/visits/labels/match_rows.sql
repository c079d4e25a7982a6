-- Stored visits that the lines of a file name; one row per visit. Lines that name a visit twice agree by now.
-- rows: the lines; visits: a condition on the visits' counter and date.
SELECT
    v.counter_id AS counter_id,
    v.date AS date,
    v.visit_id AS visit_id,
    v.client_id AS client_id,
    %(source)s AS source,
    r.one_label AS label,
    r.one_level AS level,
    r.one_time AS labelled_at,
    CAST(NULL AS Nullable(DateTime('UTC'))) AS window_ends_at,
    CAST(NULL AS Nullable(DateTime('UTC'))) AS event_at
FROM
(
    SELECT counter_id, date, visit_id, client_id FROM visits WHERE {visits}
) AS v
GLOBAL INNER JOIN
(
    SELECT
        visit_id,
        any(label) AS one_label,
        max(level) AS one_level,
        max(labelled_at) AS one_time
    FROM {rows}
    GROUP BY visit_id
) AS r ON v.visit_id = r.visit_id
