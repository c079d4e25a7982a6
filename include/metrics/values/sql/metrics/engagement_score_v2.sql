-- Per person and period. Engagement, version 2: the share of sessions that were engaged.
tuple(
    1,                                          -- is_produced
    engaged_session_count / session_count,      -- value
    engaged_session_count,                      -- numerator
    session_count,                              -- denominator
    session_count,                              -- sample_n
    '',                                         -- null_reason
    []                                          -- by_timeout
)
