-- One row per person and local day of one course: what the events of that day add up to, in the columns of user_days.
-- A step is an event: its moment, its id as text orders it, its kind (0 for other). Gaps are in ms, 0 at the ends.
-- After a task_start or task_attempt a task is open, after a task_success or task_fail none is, and a gap over the
-- time-out closes it; where a step decides nothing (2), open_<time-out> takes over what held after the step before.
WITH
    %(parts_kinds)s AS kinds,
    indexOf(kinds, 'page_view') AS page_view,
    indexOf(kinds, 'task_start') AS task_start,
    indexOf(kinds, 'task_attempt') AS task_attempt,
    indexOf(kinds, 'task_success') AS task_success,
    indexOf(kinds, 'task_fail') AS task_fail,
    {steps} AS steps,
    arrayMap(step -> step.1, steps) AS moments,
    arrayMap(step -> step.3, steps) AS step_kinds,
    arrayDifference(moments) AS gaps_before,
    arrayPushBack(arrayPopFront(gaps_before), 0) AS gaps_after,
    arrayMap(
        kind -> multiIf(kind = task_start OR kind = task_attempt, 1, kind = task_success OR kind = task_fail, 0, 2),
        step_kinds
    ) AS decisions,
    arrayFill(
        is_open -> is_open != 2,
        arrayMap((decision, gap) -> if(decision = 2 AND gap > 300000, 0, decision), decisions, gaps_before)
    ) AS open_300,
    arrayFill(
        is_open -> is_open != 2,
        arrayMap((decision, gap) -> if(decision = 2 AND gap > 600000, 0, decision), decisions, gaps_before)
    ) AS open_600,
    arrayFill(
        is_open -> is_open != 2,
        arrayMap((decision, gap) -> if(decision = 2 AND gap > 1800000, 0, decision), decisions, gaps_before)
    ) AS open_1800,
    arraySplit((step, gap) -> gap > 1800000, steps, gaps_before) AS sessions
SELECT
    %(parts_project)s AS project,
    %(parts_course)s AS course_id,
    person_id,
    toDate(%(parts_days)s[indexOf(CAST(%(parts_day_starts)s, 'Array(Int64)'), day_start)]) AS day,
    %(parts_zone)s AS time_zone,
    toUInt32(length(steps)) AS event_count,
    toUInt32(countEqual(step_kinds, page_view)) AS page_view_count,
    toUInt32(countEqual(step_kinds, indexOf(kinds, 'scroll'))) AS scroll_count,
    toUInt32(countEqual(step_kinds, indexOf(kinds, 'video_play'))) AS video_play_count,
    toUInt32(countEqual(step_kinds, task_start)) AS task_start_count,
    toUInt32(countEqual(step_kinds, task_attempt)) AS task_attempt_count,
    toUInt32(countEqual(step_kinds, task_success)) AS task_success_count,
    toUInt32(countEqual(step_kinds, task_fail)) AS task_fail_count,
    toUInt32(countEqual(step_kinds, 0)) AS other_count,
    fromUnixTimestamp64Milli(moments[1], 'UTC') AS first_at,
    fromUnixTimestamp64Milli(moments[-1], 'UTC') AS last_at,
    toUInt8(step_kinds[-1] = task_start) AS is_task_start_last,
    toUInt64(arraySum(gap -> least(gap, 1800000), gaps_after)) AS gap_capped_ms,
    toUInt64(arraySum((gap, kind) -> if(kind = task_start, least(gap, 1800000), 0), gaps_after, step_kinds))
        AS task_gap_capped_ms,
    toUInt64(arraySum(gap -> if(gap <= 300000, gap, 0), gaps_after)) AS active_300_ms,
    toUInt64(arraySum(gap -> if(gap <= 600000, gap, 0), gaps_after)) AS active_600_ms,
    toUInt64(arraySum(gap -> if(gap <= 1800000, gap, 0), gaps_after)) AS active_1800_ms,
    toUInt64(arraySum((gap, is_open) -> if(is_open = 1 AND gap <= 300000, gap, 0), gaps_after, open_300))
        AS task_300_ms,
    toUInt64(arraySum((gap, is_open) -> if(is_open = 1 AND gap <= 600000, gap, 0), gaps_after, open_600))
        AS task_600_ms,
    toUInt64(arraySum((gap, is_open) -> if(is_open = 1 AND gap <= 1800000, gap, 0), gaps_after, open_1800))
        AS task_1800_ms,
    toUInt32(length(sessions)) AS session_count,
    toUInt32(arrayCount(
        session -> session[-1].1 - session[1].1 > 10000
            OR arrayCount(step -> step.3 = page_view, session) >= 2
            OR arrayExists(step -> step.3 IN (task_attempt, task_success, task_fail), session),
        sessions
    )) AS engaged_session_count,
    done_items,
    newest_load_id AS load_id
FROM (
    SELECT
        person_id,
        roundDown(moment_ms, CAST(%(parts_day_starts)s, 'Array(Int64)')) AS day_start,
        arraySort(groupArray((moment_ms, id, kind))) AS all_steps,
        arraySort(groupUniqArrayIf(item, item != '')) AS done_items,
        max(load_id) AS newest_load_id
    FROM (
        SELECT
            person_id,
            load_id,
            toUnixTimestamp64Milli(event_time) AS moment_ms,
            UUIDToNum(event_id) AS id,
            transform(event_name, %(parts_kinds)s, %(parts_kind_numbers)s, 0) AS kind,
            multiIf(
                event_name != 'task_success', '',
                JSONType(props, 'task_id') = 'String' AND JSONExtractString(props, 'task_id') != '',
                    JSONExtractString(props, 'task_id'),
                JSONType(props, 'task_id') = 'Int64', toString(JSONExtractInt(props, 'task_id')),
                JSONType(props, 'task_id') = 'UInt64', toString(JSONExtractUInt(props, 'task_id')),
                module_id
            ) AS item
        FROM ({events})
    )
    GROUP BY person_id, day_start
)
