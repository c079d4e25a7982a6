"""Sandboxes to call over their sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.faults import parse_faults
from include.metrika_sandbox.serving.server import run_sandbox
from tests.integration.metrika_sandbox.caller import Caller


@pytest.fixture
def call() -> Iterator[Callable[..., Caller]]:
    with contextlib.ExitStack() as stack:

        def start(faults: str = "", **config: Any) -> Caller:
            quick = {"visits_per_day": 200, "parts": 3, "queue_seconds": 0.05, "status_seconds": 0.05} | config
            return Caller(stack.enter_context(run_sandbox(SandboxConfig(faults=parse_faults(faults), **quick), port=0)))

        yield start
