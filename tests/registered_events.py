"""Apps and registered events straight in the state, for tests of what reads them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine

from include.events.apps.projects import create_app
from include.events.schemas.definitions import EventDefinitions
from include.events.schemas.registering import RegisteredEvent, register_events

T = TypeVar("T")


def new_app(state: Engine, **fields: Any) -> str:
    """Code of an app of a new name."""
    app, _, _ = create_app(state, app_name=f"shop {uuid.uuid4().hex}", owner="account:owner", **fields)
    return app.app_code


def event(name: str, **attributes: str | dict[str, Any]) -> dict[str, Any]:
    """An event with attributes by name: a type, or all that a definition may hold."""
    listed = [
        {"name": attribute, **({"type": given} if isinstance(given, str) else given)}
        for attribute, given in attributes.items()
    ]
    return {"name": name, "attrs": listed}


def register(state: Engine, app_code: str, *events: dict[str, Any]) -> tuple[RegisteredEvent, ...]:
    """Register events of an app."""
    definitions = EventDefinitions.model_validate({"events": list(events)})
    found = register_events(state, app_code, definitions.events, created_by="test")
    assert found is not None
    return found


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Run calls in threads that start together; an exception is an answer too."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Exception:
        start.wait(timeout=30)
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=60))
