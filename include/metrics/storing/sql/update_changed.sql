-- Grain: one person of a slice whose row is another one now. A value within the tolerance stays to the last bit, so
-- that restatements explain every difference.
UPDATE metric_values AS v
SET value = CASE WHEN c.is_other THEN c.new_value ELSE v.value END,
    numerator = c.numerator, denominator = c.denominator, sample_n = c.new_sample_n, null_reason = c.null_reason,
    by_timeout = c.by_timeout
FROM changes AS c
WHERE NOT c.is_gone AND NOT c.is_first AND v.slice_id = c.slice_id AND v.person_id = c.person_id
