"""User-days by pandas and numpy: one sort, then everything over whole columns at once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("page_view", "scroll", "video_play", "task_start", "task_attempt", "task_success", "task_fail")
PAGE_VIEW, TASK_START, TASK_ATTEMPT, TASK_SUCCESS, TASK_FAIL = 1, 4, 5, 6, 7
DAY_MS, CAP_MS = 86_400_000, 1_800_000
ENGAGED_MS, ENGAGED_VIEWS = 10_000, 2


def user_days(events: pd.DataFrame) -> pd.DataFrame:
    """One row per course, person and UTC day.

    Args:
        events: course_id, person_id, event_id, event_ms, event_name, props, module_id; any order, each event once.

    Returns:
        The numbers of ``user_days`` in ms and counts, and done_items.
    """
    frame = events.sort_values(["course_id", "person_id", "event_ms", "event_id"], ignore_index=True)
    kinds = frame["event_name"].map({name: number for number, name in enumerate(KINDS, 1)}).fillna(0).to_numpy("i1")
    moments = frame["event_ms"].to_numpy()
    days = moments // DAY_MS
    groups = frame["course_id"].factorize()[0] * len(frame) + frame["person_id"].factorize()[0]
    is_first = np.r_[True, (np.diff(groups) != 0) | (np.diff(days) != 0)]
    starts = np.flatnonzero(is_first)
    before = np.where(is_first, 0, np.r_[0, np.diff(moments)])
    gaps = np.r_[before[1:], 0]
    is_last = np.r_[is_first[1:], True]
    found: dict[str, Any] = {name: frame[name].to_numpy()[starts] for name in ("course_id", "person_id")}
    found |= {"day": days[starts], "event_count": np.diff(np.r_[starts, len(frame)])}
    for number, name in enumerate(KINDS, 1):
        found[f"{name}_count"] = np.add.reduceat((kinds == number).astype("i8"), starts)
    found |= {"first_ms": moments[starts], "last_ms": moments[is_last]}
    found["is_task_start_last"] = (kinds[is_last] == TASK_START).astype("i8")
    capped = np.minimum(gaps, CAP_MS)
    found["gap_capped_ms"] = np.add.reduceat(capped, starts)
    found["task_gap_capped_ms"] = np.add.reduceat(np.where(kinds == TASK_START, capped, 0), starts)
    for seconds in (300, 600, 1800):
        kept = np.where(gaps <= seconds * 1000, gaps, 0)
        found[f"active_{seconds}_ms"] = np.add.reduceat(kept, starts)
        found[f"task_{seconds}_ms"] = np.add.reduceat(
            np.where(_open(kinds, is_first | (before > seconds * 1000)), kept, 0), starts
        )
    found |= _sessions(kinds, moments, is_first | (before > CAP_MS), starts)
    result = pd.DataFrame(found)
    result["done_items"] = _done(frame, kinds, np.cumsum(is_first) - 1, len(result))
    return result


def _open(kinds: np.ndarray, is_cut: np.ndarray) -> np.ndarray:
    """Whether a task is open after each event: the newest event that decides says so."""
    opens = (kinds == TASK_START) | (kinds == TASK_ATTEMPT)
    decides = opens | (kinds == TASK_SUCCESS) | (kinds == TASK_FAIL) | is_cut
    newest = np.maximum.accumulate(np.where(decides, np.arange(len(kinds)), 0))
    return opens[newest]


def _sessions(kinds: np.ndarray, moments: np.ndarray, is_cut: np.ndarray, starts: np.ndarray) -> dict[str, Any]:
    begins = np.flatnonzero(is_cut)
    lasts = np.r_[begins[1:], len(kinds)] - 1
    views = np.add.reduceat((kinds == PAGE_VIEW).astype("i8"), begins)
    key_events = np.add.reduceat((kinds >= TASK_ATTEMPT).astype("i8"), begins)
    engaged = (moments[lasts] - moments[begins] > ENGAGED_MS) | (views >= ENGAGED_VIEWS) | (key_events > 0)
    first_sessions = np.searchsorted(begins, starts)
    return {
        "session_count": np.diff(np.r_[first_sessions, len(begins)]),
        "engaged_session_count": np.add.reduceat(engaged.astype("i8"), first_sessions),
    }


def _done(frame: pd.DataFrame, kinds: np.ndarray, rows: np.ndarray, count: int) -> list[tuple[str, ...]]:
    """Items of solved tasks by row."""
    found: list[set[str]] = [set() for _ in range(count)]
    solved = np.flatnonzero(kinds == TASK_SUCCESS)
    columns = (frame[name].to_numpy()[solved] for name in ("props", "module_id"))
    for row, props, module in zip(rows[solved], *columns, strict=True):
        task = json.loads(props).get("task_id")
        is_number = isinstance(task, int) and not isinstance(task, bool)
        item = str(task) if is_number else task if isinstance(task, str) and task else module
        if item:
            found[row].add(item)
    return [tuple(sorted(items)) for items in found]
