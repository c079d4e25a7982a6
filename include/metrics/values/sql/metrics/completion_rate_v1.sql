-- Per person and period. Completion, version 1: the share of finished attempts that succeeded; 0 without any.
tuple(
    1,                                                                          -- is_produced
    task_success_count / greatest(task_success_count + task_fail_count, 1),     -- value
    task_success_count,                                                         -- numerator
    task_success_count + task_fail_count,                                       -- denominator
    task_success_count + task_fail_count,                                       -- sample_n
    '',                                                                         -- null_reason
    []                                                                          -- by_timeout
)
