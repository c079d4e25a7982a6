"""Which item of a course an event is about."""

from __future__ import annotations

import json
from collections.abc import Iterable


def item_of(props: str, module_id: str) -> str:
    """Name the item of one event.

    Args:
        props: attributes, a JSON object as text.
        module_id: module of the event, or empty.

    Returns:
        ``task_id`` of the attributes when it is a text or an integer, else the module; empty when there is neither.

    >>> item_of('{"task_id":"t1"}', "m1"), item_of('{"task_id":7}', "m1"), item_of('{"task_id":7.5}', "m1")
    ('t1', '7', 'm1')
    """
    given = json.loads(props or "{}").get("task_id")
    is_integer = isinstance(given, int) and not isinstance(given, bool)
    named = str(given) if is_integer or isinstance(given, str) else ""
    return named or module_id


def items_of(props: Iterable[str], module_ids: Iterable[str]) -> list[str]:
    """Name the items of many events.

    Args:
        props: attributes of each, JSON objects as text.
        module_ids: modules of each.

    Returns:
        One item for each, empty where there is none.
    """
    return [item_of(text, module_id) for text, module_id in zip(props, module_ids, strict=True)]
