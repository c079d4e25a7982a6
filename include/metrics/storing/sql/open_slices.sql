-- Grain: one slice with a value that time alone will bring.
SELECT DISTINCT metric, version, period_start_at FROM incoming_values WHERE null_reason = :reason
