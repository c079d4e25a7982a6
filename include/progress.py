"""How jobs report progress without knowing who watches."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a short message, units done, units in all (0 when unknown)."""


def no_progress(message: str, done: int, total: int) -> None:
    """Report to nobody.

    Args:
        message: what is being done.
        done: units finished.
        total: units in all, 0 when unknown.
    """
