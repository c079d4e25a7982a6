-- Per person and period. Time on task, version 2: seconds in gaps of at most the time-out while a task was open; also
-- for other time-outs.
tuple(
    1,                                                              -- is_produced
    task_1800_ms / 1000,                                            -- value
    NULL,                                                           -- numerator
    NULL,                                                           -- denominator
    event_count,                                                    -- sample_n
    '',                                                             -- null_reason
    [task_300_ms / 1000, task_600_ms / 1000, task_1800_ms / 1000]   -- by_timeout
)
