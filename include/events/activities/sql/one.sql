-- One event by id. Of copies that are not merged yet the first that was received is the one.
SELECT {columns}
FROM {table}
WHERE project = %(project)s AND event_id = %(event_id)s AND source NOT IN %(other_sources)s
ORDER BY version DESC
LIMIT 1
