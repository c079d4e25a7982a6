-- Per person and period. Activity Index, version 2: the share of the local days of the period so far that had events.
tuple(
    1,                                      -- is_produced
    active_day_count / begun_day_count,     -- value
    active_day_count,                       -- numerator
    begun_day_count,                        -- denominator
    begun_day_count,                        -- sample_n
    '',                                     -- null_reason
    []                                      -- by_timeout
)
