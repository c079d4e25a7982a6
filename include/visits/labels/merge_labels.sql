-- Labels of one counter-day as they shall be stored: one row per visit and source.
-- found: what an import found of one source. Kept: other sources, and of this source the visits that the
-- import does not name when it adds to it (keeps_unnamed). A row that says what it said before stays as it is,
-- so that the same import again changes nothing.
WITH
    o.is_known AND o.label = f.label AND ifNull(toString(o.level), '') = ifNull(toString(f.level), '') AS is_same,
    ifNull(f.labelled_at, if(is_same, o.labelled_at, toDateTime(%(now)s, 'UTC'))) AS known_at,
    is_same AND known_at = o.labelled_at
        AND ifNull(toString(o.window_ends_at), '') = ifNull(toString(f.window_ends_at), '')
        AND ifNull(toString(o.event_at), '') = ifNull(toString(f.event_at), '') AS is_unchanged
SELECT
    f.counter_id AS counter_id,
    f.date AS date,
    f.visit_id AS visit_id,
    f.client_id AS client_id,
    f.source AS source,
    f.label AS label,
    f.level AS level,
    known_at AS labelled_at,
    f.window_ends_at AS window_ends_at,
    f.event_at AS event_at,
    if(is_unchanged, o.imported_at, toDateTime(%(now)s, 'UTC')) AS imported_at
FROM
(
    SELECT
        counter_id, date, visit_id, client_id, source, label, level, labelled_at, window_ends_at, event_at
    FROM {found}
    WHERE counter_id = %(counter_id)s AND date = %(day)s
) AS f
GLOBAL LEFT JOIN
(
    SELECT
        visit_id, label, level, labelled_at, window_ends_at, event_at, imported_at, toUInt8(1) AS is_known
    FROM visit_labels
    WHERE counter_id = %(counter_id)s AND date = %(day)s AND source = %(source)s
) AS o ON f.visit_id = o.visit_id
UNION ALL
SELECT
    counter_id, date, visit_id, client_id, source, label, level, labelled_at, window_ends_at, event_at, imported_at
FROM visit_labels
WHERE counter_id = %(counter_id)s AND date = %(day)s
    AND (
        source != %(source)s
        OR (%(keeps_unnamed)s AND visit_id GLOBAL NOT IN (
            SELECT visit_id FROM {found} WHERE counter_id = %(counter_id)s AND date = %(day)s
        ))
    )
