-- One activity of the page, newest first; a copy sent twice counts once.
SELECT {columns}
FROM {table} FINAL
WHERE {conditions}
ORDER BY event_time DESC, event_id DESC
LIMIT %(limit)s OFFSET %(skip)s
