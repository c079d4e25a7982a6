"""From a path to a call: routes, who may call, and the order of the checks."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from include.metrika_sandbox.behaviour.answers import Answer, ApiRequest, PartDownload, refusal
from include.metrika_sandbox.behaviour.config import CounterConfig, SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.logs.logs_api import LogsApi
from include.metrika_sandbox.uploads.conversions_api import ConversionsApi

Call = Callable[[ApiRequest], Answer | PartDownload]
PREFIX = "/management/v1/counter/"
COUNTER_PATH = re.compile(r"/management/v1/counter/(\d+)(?:/(.*))?")
SCHEMES = ("oauth", "bearer")


@dataclass(frozen=True)
class Route:
    """One call of the API.

    Attributes:
        method: HTTP method.
        pattern: path after the counter; numbers are captured.
        call: the handler.
        is_logs: counts against the Logs API's lower rate.
        name: path with placeholders, for figures.
    """

    method: str
    pattern: re.Pattern[str]
    call: Call
    is_logs: bool
    name: str


def build_routes(logs: LogsApi, conversions: ConversionsApi) -> list[Route]:
    """Every route of the API below a counter."""
    table: list[tuple[str, str, Call]] = [
        ("GET", "", conversions.counter),
        ("GET", "goals", conversions.list_goals),
        ("POST", "goals", conversions.create_goal),
        ("POST", "offline_conversions/upload", conversions.upload),
        ("GET", "offline_conversions/uploadings", conversions.list_uploads),
        ("GET", "offline_conversions/uploading/{n}", conversions.one_upload),
        ("GET", "logrequests/evaluate", logs.evaluate),
        ("POST", "logrequests", logs.create),
        ("GET", "logrequests", logs.list_all),
        ("GET", "logrequest/{n}", logs.one),
        ("GET", "logrequest/{n}/part/{n}/download", logs.download),
        ("POST", "logrequest/{n}/clean", logs.clean),
        ("POST", "logrequest/{n}/cancel", logs.cancel),
    ]
    return [
        Route(method, re.compile(name.replace("{n}", r"(\d{1,18})")), call, name.startswith("logrequest"), name)
        for method, name, call in table
    ]


class Meters:
    """Figures about the requests seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def count(self, name: str) -> None:
        """Count one request by method and path pattern."""
        with self._lock:
            self._requests[name] += 1

    def count_status(self, status: int) -> None:
        """Count one answer by HTTP status; 0 is a lost or reset connection."""
        with self._lock:
            self._statuses[str(status)] += 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Requests by pattern and answers by status."""
        with self._lock:
            return {"requests": dict(self._requests), "statuses": dict(self._statuses)}


class Gateway:
    """Finds route, login and counter of a request.

    Args:
        config: tokens and counters.
        board: switches.
        routes: the API.
    """

    def __init__(self, config: SandboxConfig, board: FaultBoard, routes: list[Route]) -> None:
        self._config, self._board, self._routes = config, board, routes

    def route(self, method: str, path: str) -> tuple[Route, int, tuple[int, ...]]:
        """Find the call of a path.

        Args:
            method: HTTP method.
            path: path without the query.

        Returns:
            Route, counter number, numbers of the path.

        Raises:
            SourceRejected: no such path (404) or not with this method (405).
        """
        matched = COUNTER_PATH.fullmatch(path.rstrip("/"))
        if matched is not None:
            has_path = False
            for route in self._routes:
                inner = route.pattern.fullmatch(matched[2] or "")
                if inner is not None and route.method == method:
                    return route, int(matched[1]), tuple(map(int, inner.groups()))
                has_path = has_path or inner is not None
            if has_path:
                raise refusal(405, "not_acceptable", f"Method {method} is not allowed here.")
        raise refusal(404, "not_found", "No such path.")

    def login(self, headers: Mapping[str, str]) -> str:
        """Who asks.

        Args:
            headers: request headers, names in lower case.

        Returns:
            The login of the token.

        Raises:
            SourceRejected: no token, or a wrong one.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() not in SCHEMES or not token:
            raise refusal(401, "unauthorized", "Authorization is required.")
        if token == self._config.token:
            return self._config.login
        if token in self._config.more_tokens:
            return self._config.more_tokens[token]
        status = self._board.now().bad_token_status
        raise refusal(status, "invalid_token" if status == 403 else "unauthorized", "Invalid oauth_token")

    def counter(self, counter_id: int, login: str) -> CounterConfig:
        """The counter, if it exists and the login may see it.

        Raises:
            SourceRejected: 404 when there is no such counter, 403 without access.
        """
        counter = self._config.counter(counter_id)
        if counter is None:
            raise refusal(404, "not_found", f"Entity not found: counter {counter_id}")
        if counter.logins and login not in counter.logins:
            raise refusal(403, "access_denied", "Access is denied")
        return counter
