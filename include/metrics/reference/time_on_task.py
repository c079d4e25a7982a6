"""Time on task, and its share of active time."""

from __future__ import annotations

import pandas as pd

from include.metrics.reference.figures import KEY, MS_PER_SECOND, Case, amounts, ratios
from include.metrics.reference.stretches import active_ms, task_ms


def after_task_starts(case: Case) -> pd.DataFrame:
    """Version 1: capped pauses after each task_start, in seconds; no row without a task_start.

    Args:
        case: what there is; ``timeout_seconds``.

    Returns:
        Figures by period and person.
    """
    starts = case.inside[case.inside["event_name"] == "task_start"]
    by_person = starts["gap_ms"].clip(upper=case.timeout_ms).groupby([starts[name] for name in KEY])
    return amounts(by_person.sum() / MS_PER_SECOND, by_person.size())


def open_tasks(case: Case) -> pd.DataFrame:
    """Version 2: active time while a task is open, in seconds, under several time-outs.

    Args:
        case: what there is; ``timeout_seconds``, and ``also_kept_timeouts_seconds`` for the values kept beside it.

    Returns:
        Figures by period and person.
    """
    kept = [
        case.sums(task_ms(case.inside, int(seconds) * MS_PER_SECOND)) / MS_PER_SECOND
        for seconds in case.parameters["also_kept_timeouts_seconds"]
    ]
    found = amounts(case.sums(task_ms(case.inside, case.timeout_ms)) / MS_PER_SECOND, case.event_counts())
    found["by_timeout"] = list(zip(*kept, strict=True))
    return found


def share_of_span(case: Case) -> pd.DataFrame:
    """Focus, version 1: capped pauses of the time from the first to the last event.

    Args:
        case: what there is; ``timeout_seconds``.

    Returns:
        Figures by period and person; 0 for a single instant.
    """
    capped = case.sums(case.inside["gap_ms"].clip(upper=case.timeout_ms))
    times = case.inside.groupby(KEY)["event_ms"]
    return ratios(capped, times.max() - times.min(), case.event_counts(), unit=MS_PER_SECOND)


def share_of_active_time(case: Case) -> pd.DataFrame:
    """Focus, version 2: active time with a task open, of all active time.

    Args:
        case: what there is; ``timeout_seconds``.

    Returns:
        Figures by period and person; unknown without active time.
    """
    on_task = case.sums(task_ms(case.inside, case.timeout_ms))
    active = case.sums(active_ms(case.inside, case.timeout_ms))
    return ratios(on_task, active, case.event_counts(), null_reason="no_active_time", unit=MS_PER_SECOND)
