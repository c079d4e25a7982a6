-- Grain: as values.sql. Meaning: the same rows as COPY of PostgreSQL reads them: instants with +00, arrays in braces.
SELECT
    metric, version,
    transform(period_day, %(first_days)s, %(period_start_texts)s, '') AS period_start_at,
    person_id, value, numerator, denominator, sample_n, null_reason,
    if(empty(by_timeout), NULL, concat('{{', arrayStringConcat(by_timeout, ','), '}}')) AS by_timeout
FROM ({values})
SETTINGS {settings}
FORMAT TabSeparated
