-- Per person and period. Engagement, version 1: what each event is worth by its kind, added up.
tuple(
    1,                                                                      -- is_produced
    page_view_count * %(weight_page_view)s + scroll_count * %(weight_scroll)s
        + video_play_count * %(weight_video_play)s + task_start_count * %(weight_task_start)s
        + task_attempt_count * %(weight_task_attempt)s + task_success_count * %(weight_task_success)s
        + task_fail_count * %(weight_task_fail)s + other_count * %(weight_other)s,   -- value
    NULL,                                                                   -- numerator
    NULL,                                                                   -- denominator
    event_count,                                                            -- sample_n
    '',                                                                     -- null_reason
    []                                                                      -- by_timeout
)
