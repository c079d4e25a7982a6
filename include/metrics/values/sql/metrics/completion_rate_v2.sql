-- Per person and period. Completion, version 2: the share of required items done before the end of the period, since
-- the course began.
tuple(
    1,                                                                                      -- is_produced
    arrayCount(done_day -> done_day < period_end_day, done_days) / %(required_count)s,      -- value
    arrayCount(done_day -> done_day < period_end_day, done_days),                           -- numerator
    %(required_count)s,                                                                     -- denominator
    %(required_count)s,                                                                     -- sample_n
    '',                                                                                     -- null_reason
    []                                                                                      -- by_timeout
)
