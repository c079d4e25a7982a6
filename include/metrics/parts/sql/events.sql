-- One accepted event of one course within an interval, of the loads that count; with FINAL one row for each however
-- often it was sent, without it also rows that a repeated load left twice, equal in every column.
-- occurred_at, which the table is sorted by, lies at most a day from event_time, so it narrows what is read.
SELECT {columns}
FROM {table}{final}
WHERE project = %(parts_project)s AND scope_type = 'course' AND scope_id = %(parts_course)s
    AND event_time >= fromUnixTimestamp64Milli(%(parts_start)s, 'UTC')
    AND event_time < fromUnixTimestamp64Milli(%(parts_end)s, 'UTC')
    AND occurred_at >= fromUnixTimestamp64Milli(%(parts_first)s, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli(%(parts_last)s, 'UTC')
    AND {snapshot}{narrowing}
