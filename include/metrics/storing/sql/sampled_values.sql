-- Grain: one incoming value of a person of the sample.
SELECT metric, version, period_start_at, person_id::text AS person_id, value, numerator, denominator, sample_n,
       null_reason, by_timeout
FROM incoming_values
WHERE person_id = ANY (CAST(:person_ids AS uuid[]))
