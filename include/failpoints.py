"""Named points at which a crash can be provoked, to prove that every job survives one there.

Off unless the environment variable ``COUNTERFLOW_FAILPOINT`` names a point; then the process kills
itself with SIGKILL when it gets there, exactly as a lost machine would look to the stores.
``name:3`` means the third time the point is reached.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "COUNTERFLOW_FAILPOINT"

_reached: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die here when the environment asks for it; otherwise do nothing.

    Args:
        name: the point, ``<job>.<what has just been done>``.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    point, _, count = wanted.partition(":")
    if point != name:
        return
    _reached[name] = _reached.get(name, 0) + 1
    if _reached[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
