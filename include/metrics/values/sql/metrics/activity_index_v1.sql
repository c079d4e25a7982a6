-- Per person and period. Activity Index, version 1: events per day from the first to the last local day with events.
tuple(
    1,                                          -- is_produced
    event_count / (last_day - first_day + 1),   -- value
    event_count,                                -- numerator
    last_day - first_day + 1,                   -- denominator
    event_count,                                -- sample_n
    '',                                         -- null_reason
    []                                          -- by_timeout
)
