-- Some visits of a counter-day. The clients only narrow the search: they were read from these very visits.
SELECT
    counter_id, date, visit_id, client_id, started_at, duration_seconds, page_views, is_bounce, device_category,
    watch_ids
FROM visits
WHERE counter_id = %(counter_id)s AND date = %(day)s AND client_id IN %(client_ids)s AND visit_id IN %(visit_ids)s
