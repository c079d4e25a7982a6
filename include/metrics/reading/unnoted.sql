-- Grain: one project with loaded events of a course of this id.
-- Asked only for courses that no run has noted yet, for it reads the scopes of all events.
SELECT DISTINCT project
FROM {events}
WHERE scope_type = 'course' AND scope_id = %(course_id)s AND (%(project)s = '' OR project = %(project)s)
ORDER BY project
LIMIT 2
