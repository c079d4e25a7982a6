-- One row per event of some persons in one course, from its beginning: what their metrics follow from. Attributes of
-- successes only, nothing else is asked of them.
SELECT
    toString(event_id) AS event_id,
    event_name,
    toUnixTimestamp64Milli(event_time) AS event_ms,
    toString(events.person_id) AS person_id,
    if(event_name = 'task_success', props, '') AS props,
    if(event_name = 'task_success', module_id, '') AS module_id
FROM {events} AS events FINAL
PREWHERE project = %(project)s AND events.person_id IN %(person_ids)s
WHERE scope_type = 'course' AND scope_id = %(course_id)s AND {snapshot}
LIMIT %(row_limit)s
SETTINGS do_not_merge_across_partitions_select_final = 1
