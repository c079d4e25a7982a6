-- Per person and period. Time on task, version 1: seconds from each task_start to the next event, each at most the
-- time-out.
tuple(
    task_start_count > 0,                       -- is_produced
    all_task_gaps_capped_ms / 1000,             -- value
    NULL,                                       -- numerator
    NULL,                                       -- denominator
    task_start_count,                           -- sample_n
    '',                                         -- null_reason
    []                                          -- by_timeout
)
