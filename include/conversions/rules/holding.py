"""Which conversions are held back, and why: pure functions."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import numpy as np
from numpy.typing import NDArray

MATCH_WINDOW_SECONDS = 21 * 86_400  # Metrika links a conversion to visits of the last 21 days


class HeldReason(Enum):
    """Why a conversion is in no upload; the value is what the ledger stores.

    Attributes:
        FUTURE_TIME: its time is not in the past yet.
        OUTSIDE_MATCH_WINDOW: older than the 21 days in which Metrika links conversions.
        NO_IDENTIFIER: the visit has no ClientID.
        SAME_MOMENT: another visit of the same client at the same second is in the ledger.
        GOAL_NOT_FOUND: the counter has no such goal.
        REFUSED: Metrika refused the file.
        WITHDRAWN: the visit stopped being level 4+ before it was sent.
        DRIFT_NOT_APPROVED: the day is unlike the days before it, and nobody has let it pass.
    """

    FUTURE_TIME = "future_time"
    OUTSIDE_MATCH_WINDOW = "outside_match_window"
    NO_IDENTIFIER = "no_identifier"
    SAME_MOMENT = "same_moment"
    GOAL_NOT_FOUND = "goal_not_found"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DRIFT_NOT_APPROVED = "drift_not_approved"


def is_future(sent_epoch_seconds: int, now: dt.datetime) -> bool:
    """Whether Metrika would refuse a time because it is not strictly in the past.

    Args:
        sent_epoch_seconds: DateTime column of the file, Unix seconds.
        now: aware instant.

    Returns:
        True when it is now or later.
    """
    return sent_epoch_seconds >= now.timestamp()


def is_outside_window(event_epoch_seconds: int, now: dt.datetime) -> bool:
    """Whether a conversion is too old to be linked.

    Args:
        event_epoch_seconds: time of the conversion, Unix seconds.
        now: aware instant.

    Returns:
        True when it is more than 21 days old.
    """
    return now.timestamp() - event_epoch_seconds > MATCH_WINDOW_SECONDS


def hold_visits(
    client_ids: NDArray[np.uint64],
    event_epochs: NDArray[np.int64],
    *,
    offset_seconds: int,
    now: dt.datetime,
    include_old: bool = False,
) -> NDArray[np.object_]:
    """Judge a block of level 4+ visits.

    Args:
        client_ids: shape (n,), uint64; 0 means the visit has none.
        event_epochs: shape (n,), int64, visit start, Unix seconds.
        offset_seconds: added to the time that is sent.
        now: aware instant of the upload.
        include_old: send visits older than 21 days as well.

    Returns:
        Shape (n,), str: the held reason, empty for a visit that may be sent. Same-moment visits are
        found later, against the ledger.

    >>> at = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
    >>> hold_visits(np.array([5, 0, 5], np.uint64), np.array([1751328000 - 1, 1, 1], np.int64),
    ...             offset_seconds=0, now=at).tolist()
    ['', 'no_identifier', 'outside_match_window']
    """
    now_epoch = now.timestamp()
    reasons = np.full(len(client_ids), "", dtype=object)
    if not include_old:
        reasons[now_epoch - event_epochs > MATCH_WINDOW_SECONDS] = HeldReason.OUTSIDE_MATCH_WINDOW.value
    reasons[event_epochs + offset_seconds >= now_epoch] = HeldReason.FUTURE_TIME.value
    reasons[client_ids == 0] = HeldReason.NO_IDENTIFIER.value
    return reasons
