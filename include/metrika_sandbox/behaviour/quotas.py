"""Strict quotas: per second and address, in flight per login, per day."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from include.metrika_sandbox.behaviour.answers import refusal
from include.metrika_sandbox.behaviour.faults import Faults

LOGS_PER_SECOND = 10
API_PER_SECOND = 30
IN_FLIGHT_PER_LOGIN = 3
PER_DAY = 5000
WINDOW_SECONDS = 1.0

IP, PARALLEL = "quota_requests_by_ip", "quota_parallel_requests"
BY_LOGIN, BY_COUNTER = "quota_requests_by_uid", "quota_requests_by_counter_id"


class QuotaKeeper:
    """Counts requests and refuses those above the documented quotas.

    Args:
        faults: gives the switches in force now.
        clock: aware UTC now; daily quotas begin anew at 00:00 GMT.
    """

    def __init__(self, faults: Callable[[], Faults], clock: Callable[[], dt.datetime]) -> None:
        self._faults = faults
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, bool], deque[float]] = {}
        self._in_flight: Counter[str] = Counter()
        self._today: dt.date | None = None
        self._used: Counter[str] = Counter()
        self.most_in_flight: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()

    def enter(self, address: str, login: str, counter_id: int, *, is_logs: bool) -> None:
        """Count one request in, or refuse it.

        Args:
            address: client address.
            login: who asks.
            counter_id: which counter.
            is_logs: a Logs API path, with its lower rate.

        Raises:
            SourceRejected: a quota is used up; nothing is counted then.
        """
        with self._lock:
            self._turn_day()
            reason = self._reason(address, login, counter_id, is_logs) if self._faults().quota_enforced else ""
            if reason:
                raise self.refuse(reason)
            self._recent.setdefault((address, is_logs), deque()).append(time.monotonic())
            self._used.update([f"login {login}", f"counter {counter_id}"])
            self._in_flight[login] += 1
            self.most_in_flight[login] = max(self.most_in_flight[login], self._in_flight[login])

    def leave(self, login: str) -> None:
        """Count one request out when its last byte is sent."""
        with self._lock:
            self._in_flight[login] -= 1

    def refuse(self, reason: str) -> Exception:
        """Make a quota answer and count it."""
        self.refusals[reason] += 1
        return refusal(self._faults().quota_status, reason, f"Quota exceeded: {reason}.")

    def used_today(self) -> dict[str, int]:
        """Requests counted today by login and by counter."""
        with self._lock:
            self._turn_day()
            return dict(self._used)

    def _turn_day(self) -> None:
        today = self._clock().astimezone(dt.UTC).date()
        if today != self._today:
            self._today = today
            self._used.clear()

    def _reason(self, address: str, login: str, counter_id: int, is_logs: bool) -> str:
        preset = self._faults().daily_used
        if self._used[f"login {login}"] + preset >= PER_DAY:
            return BY_LOGIN
        if self._used[f"counter {counter_id}"] + preset >= PER_DAY:
            return BY_COUNTER
        if self._in_flight[login] >= IN_FLIGHT_PER_LOGIN:
            return PARALLEL
        recent = self._recent.setdefault((address, is_logs), deque())
        now = time.monotonic()
        while recent and now - recent[0] >= WINDOW_SECONDS:
            recent.popleft()
        return IP if len(recent) >= (LOGS_PER_SECOND if is_logs else API_PER_SECOND) else ""
