-- Per person and period. Focus Ratio, version 2: time on task as a share of active time; unknown without active time.
tuple(
    1,                                                                  -- is_produced
    if(active_1800_ms > 0, task_1800_ms / active_1800_ms, NULL),        -- value
    if(active_1800_ms > 0, task_1800_ms / 1000, NULL),                  -- numerator
    if(active_1800_ms > 0, active_1800_ms / 1000, NULL),                -- denominator
    event_count,                                                        -- sample_n
    if(active_1800_ms > 0, '', 'no_active_time'),                       -- null_reason
    []                                                                  -- by_timeout
)
