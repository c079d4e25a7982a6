-- One activity of a session, from the first to the last.
SELECT {columns}
FROM {table} FINAL
WHERE project = %(project)s AND session_id = %(session_id)s AND source NOT IN %(other_sources)s
ORDER BY event_time, event_id
LIMIT %(limit)s
