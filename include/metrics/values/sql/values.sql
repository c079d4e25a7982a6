-- Grain: one row per person, period, metric and version of a batch. Meaning: the values, each with what it was made of.
SELECT
    metric, version, period_day, person_id,
    made.value AS value, made.numerator AS numerator, made.denominator AS denominator,
    made.sample_n AS sample_n, made.null_reason AS null_reason, made.by_timeout AS by_timeout
FROM (
    SELECT person_id, period_day, [{made}] AS all_made
    FROM ({person_periods}) AS person_periods
    {history}
)
ARRAY JOIN %(metrics)s AS metric, %(versions)s AS version, all_made AS made
WHERE made.is_produced
