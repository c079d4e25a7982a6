-- Per person and period. Retention, version 2: of those whose first event ever lies in the period, 1 for who was back
-- on day d0 + n. Unknown until that day has ended.
tuple(
    first_ms = first_ever_ms,               -- is_produced: the cohort only
    if(is_closed, is_back, NULL),           -- value
    if(is_closed, is_back, NULL),           -- numerator
    if(is_closed, 1, NULL),                 -- denominator
    is_closed,                              -- sample_n
    if(is_closed, '', 'not_closed'),        -- null_reason
    []                                      -- by_timeout
)
