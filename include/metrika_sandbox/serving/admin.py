"""The sandbox's own routes under /sandbox/: figures, switches, uploads; loopback only."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from include.errors import ConfigError
from include.metrika_sandbox.behaviour.answers import Json
from include.metrika_sandbox.behaviour.fault_board import PlannedFailure
from include.metrika_sandbox.behaviour.faults import FAULTS, Faults, parse_faults

if TYPE_CHECKING:
    from include.metrika_sandbox.sandbox import Sandbox

MAX_BODY_BYTES = 1 << 16


def answer_admin(sandbox: Sandbox, method: str, name: str, query: Mapping[str, str], body: bytes) -> tuple[int, Json]:
    """Answer one request to the sandbox itself.

    Args:
        sandbox: its state.
        method: HTTP method.
        name: path after ``/sandbox/``: stats, faults, fail-next, uploads, labels or late-edits.
        query: ``counter``, ``date``, ``visits`` where the name needs them.
        body: for POST faults a text like ``quota_420,server_errors=0.1`` (empty heals everything),
            for POST fail-next a JSON object with the keys of PlannedFailure.

    Returns:
        HTTP status and JSON body.
    """
    calls: dict[tuple[str, str], Callable[[], Json]] = {
        ("GET", "stats"): sandbox.stats,
        ("GET", "faults"): lambda: _show_faults(sandbox),
        ("POST", "faults"): lambda: _set_faults(sandbox, body),
        ("POST", "fail-next"): lambda: _plan_failure(sandbox, body),
        ("GET", "uploads"): lambda: {"uploads": sandbox.uploads(int(query["counter"]))},
        ("GET", "labels"): lambda: _labels(sandbox, query),
        ("POST", "late-edits"): lambda: _edit(sandbox, query),
    }
    call = calls.get((method, name))
    if call is None:
        return 404, {"message": f"No such route; known: {', '.join(sorted(' '.join(key) for key in calls))}."}
    try:
        return 200, call()
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        return 400, {"message": f"{type(error).__name__}: {error}"}


def _show_faults(sandbox: Sandbox) -> Json:
    faults = dataclasses.asdict(sandbox.board.now())
    faults["extras"] = sorted(faults["extras"])
    return {"faults": faults, "known": {name: switch.meaning for name, switch in FAULTS.items()}}


def _set_faults(sandbox: Sandbox, body: bytes) -> Json:
    sandbox.board.set(parse_faults(body.decode().strip(), Faults()))
    return _show_faults(sandbox)


def _plan_failure(sandbox: Sandbox, body: bytes) -> Json:
    failure = PlannedFailure(**json.loads(body))
    sandbox.trouble.plan(failure)
    return {"planned": dataclasses.asdict(failure)}


def _labels(sandbox: Sandbox, query: Mapping[str, str]) -> Json:
    labels = sandbox.traffic.iter_labels(int(query["counter"]), dt.date.fromisoformat(query["date"]))
    return {"labels": [[str(one.visit_id), one.label] for one in labels]}


def _edit(sandbox: Sandbox, query: Mapping[str, str]) -> dict[str, Any]:
    day = dt.date.fromisoformat(query["date"])
    return {"edited": sandbox.edit_visits(int(query["counter"]), day, int(query["visits"]))}
