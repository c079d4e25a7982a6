-- Per person and period. Completion, version 2, of a course that requires nothing: unknown.
tuple(
    1,                  -- is_produced
    NULL,               -- value
    NULL,               -- numerator
    NULL,               -- denominator
    0,                  -- sample_n
    'no_catalogue',     -- null_reason
    []                  -- by_timeout
)
