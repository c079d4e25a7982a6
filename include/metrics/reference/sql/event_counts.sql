-- One row per person: how many events of a course there are, to know how much a sample will hold.
SELECT toString(person_id) AS person, count() AS event_count
FROM {events} FINAL
PREWHERE project = %(project)s AND person_id IN %(person_ids)s
WHERE scope_type = 'course' AND scope_id = %(course_id)s AND {snapshot}
GROUP BY person
SETTINGS do_not_merge_across_partitions_select_final = 1
