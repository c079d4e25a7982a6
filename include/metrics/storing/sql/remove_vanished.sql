-- Grain: one person who is no longer in a slice.
DELETE FROM metric_values AS v
USING changes AS c
WHERE c.is_gone AND v.slice_id = c.slice_id AND v.person_id = c.person_id
