(
    -- Labelled visits of one counter-day as they looked before what training may not know: where hits are hidden,
    -- the visit lasts to its last remaining hit and has the remaining pages.
    SELECT
        counter_id, date, visit_id, client_id, started_at, device_category, watch_ids,
        toUInt32(if(is_cut, greatest(least(delivered_seconds, seen_seconds), 0), delivered_seconds)) AS duration_seconds,
        toInt32(if(is_cut, greatest(delivered_views - hidden_pages, 0), delivered_views)) AS page_views,
        toUInt8(delivered_bounce OR (is_cut AND page_views <= 1 AND duration_seconds < %(slot_seconds)s)) AS is_bounce
    FROM
    (
        SELECT
            v.counter_id AS counter_id, v.date AS date, v.visit_id AS visit_id, v.client_id AS client_id,
            v.started_at AS started_at, v.device_category AS device_category, v.watch_ids AS watch_ids,
            toInt64(v.duration_seconds) AS delivered_seconds,
            toInt64(v.page_views) AS delivered_views,
            v.is_bounce AS delivered_bounce,
            toInt64(h.hidden_pages) AS hidden_pages,
            h.is_cut AS is_cut,
            toInt64(toUnixTimestamp(h.last_seen_at)) - toInt64(toUnixTimestamp(v.started_at)) AS seen_seconds
        FROM
        (
            SELECT
                counter_id, date, visit_id, client_id, started_at, duration_seconds, page_views, is_bounce,
                device_category, watch_ids
            FROM visits
            WHERE counter_id = %(counter_id)s AND date = %(day)s AND visit_id GLOBAL IN (SELECT visit_id FROM ({labels}))
        ) AS v
        GLOBAL LEFT JOIN
        (
            SELECT
                visit_id,
                uniqExactIf(watch_id, is_hidden AND is_page_view) AS hidden_pages,
                max(is_hidden) AS is_cut,
                maxIf(hit_at, NOT is_hidden) AS last_seen_at
            FROM {hidden}
            WHERE counter_id = %(counter_id)s AND date = %(day)s
            GROUP BY visit_id
        ) AS h ON v.visit_id = h.visit_id
    )
)
