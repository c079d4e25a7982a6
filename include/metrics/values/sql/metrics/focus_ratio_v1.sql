-- Per person and period. Focus Ratio, version 1: capped gaps as a share of the time from first to last event; 0 when
-- that is no time at all.
tuple(
    1,                                                          -- is_produced
    all_gaps_capped_ms / greatest(last_ms - first_ms, 1),       -- value
    all_gaps_capped_ms / 1000,                                  -- numerator
    (last_ms - first_ms) / 1000,                                -- denominator
    event_count,                                                -- sample_n
    '',                                                         -- null_reason
    []                                                          -- by_timeout
)
