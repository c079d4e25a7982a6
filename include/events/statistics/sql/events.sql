-- One accepted event of one project and name, with what is asked of its attributes as JSON text.
-- A copy sent twice counts once. occurred_at lies at most a day from event_time, so it narrows what is read.
SELECT {user} AS user{raw}
FROM {table} FINAL
WHERE project = %(project)s AND event_name = %(event_name)s{narrowing}
