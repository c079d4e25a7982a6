-- One row: what a staging table of user-days holds of other courses, and of the course that is made anew.
SELECT
    countIf(course_id != %(course)s) AS other_rows,
    countIf(course_id = %(course)s) AS own_rows,
    sumIf(event_count, course_id = %(course)s) AS own_events
FROM {stage}
