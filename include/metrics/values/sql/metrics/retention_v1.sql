-- Per person and period. Retention, version 1: 1 with events on more than one local day of the period, else 0.
tuple(
    1,                          -- is_produced
    active_day_count > 1,       -- value
    active_day_count > 1,       -- numerator
    1,                          -- denominator
    active_day_count,           -- sample_n
    '',                         -- null_reason
    []                          -- by_timeout
)
