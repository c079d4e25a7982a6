"""The switches in force and the failures they inject."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from include.errors import SourceRejected
from include.metrika_sandbox.behaviour.answers import refusal
from include.metrika_sandbox.behaviour.faults import ALWAYS, Faults
from include.metrika_sandbox.behaviour.quotas import IP, QuotaKeeper

SERVER_ERRORS = ((503, "backend_error"), (504, "timeout"))
QUOTA_STATUSES = (420, 429)


class FaultBoard:
    """The switches, changeable while the server runs.

    Args:
        faults: the first setting.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()

    def now(self) -> Faults:
        """The switches in force."""
        return self._faults

    def set(self, faults: Faults) -> None:
        """Replace all switches."""
        with self._lock:
            self._faults = faults

    def take(self, field_name: str) -> bool:
        """Use up one of a counted fault.

        Args:
            field_name: a count in Faults; -1 never runs out.

        Returns:
            True when the fault strikes now.
        """
        with self._lock:
            left: int = getattr(self._faults, field_name)
            if left > 0:
                changes: dict[str, Any] = {field_name: left - 1}
                self._faults = replace(self._faults, **changes)
            return left > 0 or left == ALWAYS


@dataclass
class PlannedFailure:
    """Failures a test has ordered for the next matching requests.

    Attributes:
        path_part: text the path must contain.
        method: HTTP method, empty for any.
        status: HTTP status to answer; 0 resets the connection.
        error_type: error type of the answer; empty takes the usual one of the status.
        times: how many requests still fail.
    """

    path_part: str
    method: str = ""
    status: int = 503
    error_type: str = ""
    times: int = 1


class Trouble:
    """Decides for each request whether it fails by injection.

    Args:
        board: the switches.
        quotas: counts injected quota answers too.
        seed: the same seed and order of requests fail alike.
    """

    def __init__(self, board: FaultBoard, quotas: QuotaKeeper, seed: int) -> None:
        self._board, self._quotas = board, quotas
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._planned: list[PlannedFailure] = []
        self._server_errors = 0

    def plan(self, failure: PlannedFailure) -> None:
        """Order failures for the next matching requests."""
        with self._lock:
            self._planned.append(failure)

    def strike(self, method: str, path: str) -> SourceRejected | None:
        """Fail this request or let it pass.

        Args:
            method: HTTP method.
            path: path without the query.

        Returns:
            The error to answer; status 0 stands for a connection reset; None lets it pass.
        """
        planned = self._take_planned(method, path)
        if planned is not None:
            return self._answer(planned.status, planned.error_type)
        faults = self._board.now()
        with self._lock:
            quota, server, reset, slow = (self._random.random() for _ in range(4))
        if slow < faults.slow_share:
            time.sleep(faults.slow_seconds)
        if reset < faults.reset_share:
            return self._answer(0, "")
        if quota < faults.quota_share:
            return self._answer(faults.quota_status, IP)
        if server < faults.server_error_share:
            return self._answer(faults.server_error_status or self._next_server_error(), "")
        return None

    def _next_server_error(self) -> int:
        with self._lock:
            self._server_errors += 1
            return SERVER_ERRORS[self._server_errors % len(SERVER_ERRORS)][0]

    def _take_planned(self, method: str, path: str) -> PlannedFailure | None:
        with self._lock:
            for failure in self._planned:
                if failure.times > 0 and failure.path_part in path and failure.method in ("", method):
                    failure.times -= 1
                    return failure
        return None

    def _answer(self, status: int, error_type: str) -> SourceRejected:
        if error_type.startswith("quota_") or status in QUOTA_STATUSES:
            self._quotas.refusals[error_type or IP] += 1
            return refusal(status, error_type or IP, f"Quota exceeded: {error_type or IP}.")
        return refusal(status, error_type or dict(SERVER_ERRORS).get(status, "backend_error"), "Backend error.")
