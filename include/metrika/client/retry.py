"""When a call to Metrika is tried again, and how long to wait before it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from include.errors import CounterflowError, QuotaExceeded, SourceUnavailable
from include.metrika.client.answers import AnswerLost, ParallelQuota


@dataclass(frozen=True)
class RetryPolicy:
    """How patient one call is; a task that fails all the same is tried again by the scheduler.

    Attributes:
        first_wait_seconds: wait before the second try, before jitter; doubles each time.
        cap_seconds: longest wait before a try.
        outage_tries: tries in all when Metrika is unavailable.
        quota_tries: tries in all when a quota of the second or of parallel requests is hit.
        patience_seconds: a quota that asks for a longer wait is handed to the caller at once.
        jitter_share: share (0-1) of the wait that is drawn at random, so that workers spread out.
    """

    first_wait_seconds: float = 0.5
    cap_seconds: float = 30.0
    outage_tries: int = 6
    quota_tries: int = 12
    patience_seconds: float = 60.0
    jitter_share: float = 0.5


def should_retry(error: CounterflowError, tries: int, policy: RetryPolicy) -> bool:
    """Decide whether the same call is tried again here.

    Args:
        error: what the last try ended with.
        tries: tries made so far, at least 1.
        policy: how patient to be.

    Returns:
        True for outages and short quotas while tries are left. Never for a daily quota, a refusal,
        or a creating call whose answer was lost: those belong to the caller.
    """
    if isinstance(error, AnswerLost):
        return False
    if isinstance(error, QuotaExceeded):
        is_short = not error.is_daily and (error.wait_seconds or 0.0) <= policy.patience_seconds
        return is_short and tries < policy.quota_tries
    return isinstance(error, SourceUnavailable) and tries < policy.outage_tries


def wait_seconds(error: CounterflowError, tries: int, policy: RetryPolicy, draw: float) -> float:
    """How long to wait before the next try.

    Args:
        error: what the last try ended with.
        tries: tries made so far, at least 1.
        policy: how patient to be.
        draw: random number from 0 to 1.

    Returns:
        Seconds: exponential with jitter and capped; at least what the quota asks for.
    """
    full = min(policy.cap_seconds, policy.first_wait_seconds * 2.0 ** (tries - 1))
    wait = full * (1.0 - policy.jitter_share * (1.0 - draw))
    if isinstance(error, QuotaExceeded) and not isinstance(error, ParallelQuota):
        # Everything above the asked second is spread, or all workers would come back together.
        return max(wait, (error.wait_seconds or 0.0) * (1.0 + policy.jitter_share * draw))
    return wait
