-- One row: how many values both ways have together, how many each has, and how many are absent or different.
WITH
ours AS (
    SELECT *, split_part(parse_filename(filename), '_', 1) AS course_id,
        split_part(parse_filename(filename), '_', 2) AS grain,
        ('[' || trim(by_timeout, '{{}}') || ']')::DOUBLE[] AS seconds
    FROM read_csv($ours, delim = '\t', header = false, nullstr = '\N', quote = '', escape = '', filename = true, columns = {{
        'metric': 'VARCHAR', 'version': 'INT', 'period_start_at': 'TIMESTAMPTZ', 'person_id': 'UUID', 'value': 'DOUBLE',
        'numerator': 'DOUBLE', 'denominator': 'DOUBLE', 'sample_n': 'BIGINT', 'null_reason': 'VARCHAR',
        'by_timeout': 'VARCHAR'}})
),
theirs AS (
    SELECT *, split_part(parse_filename(filename, true), '_', 2) AS grain,
        ('[' || trim(by_timeout, '{{}}') || ']')::DOUBLE[] AS seconds
    FROM read_csv($theirs, delim = '\t', header = false, nullstr = '\N', quote = '', escape = '', filename = true, columns = {{
        'metric': 'VARCHAR', 'version': 'INT', 'course_id': 'VARCHAR', 'period_start_at': 'TIMESTAMPTZ',
        'person_id': 'UUID', 'value': 'DOUBLE', 'numerator': 'DOUBLE', 'denominator': 'DOUBLE', 'sample_n': 'BIGINT',
        'null_reason': 'VARCHAR', 'by_timeout': 'VARCHAR'}})
)
SELECT count(*), count(ours.value_key), count(theirs.value_key),
    count(*) FILTER (NOT coalesce({same}, false))
FROM (SELECT *, true AS value_key FROM ours) AS ours
FULL JOIN (SELECT *, true AS value_key FROM theirs) AS theirs
USING (metric, version, course_id, grain, period_start_at, person_id)
