-- One event of a made-up learner: sessions of 1 to 25 events, cut by the same hashes every time.
-- Of 100 gaps 3 are 0 (events of one instant), 1 is exactly 1800 s, 4 lie between 4 and 50 minutes, the rest are
-- exponential with a mean of 45 s. A session begins at any second of its day, so some cross midnight. One of eleven
-- events is of a kind the metrics do not know; of the task ids one of 40 is a number and one of 41 a list.
INSERT INTO {table} (project, event_name, event_id, person_id, sent_name, source, schema_version, occurred_at,
    event_time, offset_minutes, received_at, user_id, scope_type, scope_id, module_id, props, context, receipt_id,
    position, version, load_id)
SELECT 'default', kind, event_id, person_id, kind, 'lms', 1, at, at, 0,
    toDateTime64(at, 6, 'UTC') + 1, toString(learner), 'course',
    concat('course-', toString((learner + (h %% 20 = 0)) %% 2)),
    concat('module-', toString(r %% 12)),
    concat('{"attempt":', toString(r %% 5), if(kind = 'page_view', '', concat(',"task_id":', multiIf(
        r %% 40 = 0, toString(r %% 7), r %% 41 = 0, '["a"]', concat('"task-', toString(r %% 60), '"')))), '}'),
    '{}', toUUID('00000000-0000-0000-0000-000000000001'), 0,
    18446744073709551615 - toUInt64(toUnixTimestamp64Micro(toDateTime64(at, 6, 'UTC') + 1)),
    %(first_load)s + intDiv(session - %(first_session)s, %(load_sessions)s)
FROM (
    SELECT
        session,
        cityHash64(session, 1) AS h,
        h %% %(learners)s AS learner,
        toUUID(concat(substring(lower(hex(MD5(toString(learner)))), 1, 32))) AS person_id,
        number_in_session,
        cityHash64(session, number_in_session, 2) AS r,
        ['page_view', 'scroll', 'video_play', 'task_start', 'task_attempt', 'task_success', 'task_fail', 'page_view',
            'scroll', 'page_view', 'note_added'][1 + cityHash64(r) %% 11] AS kind,
        reinterpretAsUUID(sipHash128(session, number_in_session)) AS event_id,
        fromUnixTimestamp64Milli(toInt64(%(start_ms)s + intDiv(h, 1000000) %% %(days)s * 86400000
            + cityHash64(session, 3) %% 86400000) + toInt64(offset_ms), 'UTC') AS at
    FROM (
        SELECT
            number + %(first_session)s AS session,
            arrayCumSum(arrayMap(i -> if(i = 0, 0, multiIf(
                cityHash64(session, i, 4) %% 100 < 3, 0,
                cityHash64(session, i, 4) %% 100 = 3, 1800000,
                cityHash64(session, i, 4) %% 100 < 8, 240000 + cityHash64(session, i, 5) %% 2760000,
                toUInt64(-45000 * log((1 + cityHash64(session, i, 5) %% 1000000) / 1000001)))),
                range(1 + cityHash64(session, 6) %% 25))) AS offsets
        FROM numbers(%(sessions)s)
    )
    ARRAY JOIN offsets AS offset_ms, arrayEnumerate(offsets) AS number_in_session
)
