"""Loopback ports: the usual one, or a free one when it is taken."""

from __future__ import annotations

import socket
from collections.abc import Collection

from include.errors import ServiceError

LOOPBACK = "127.0.0.1"
ATTEMPT_COUNT = 20  # a free port is refused only when it is in `avoid`, so a handful is plenty


def is_free(port: int) -> bool:
    """Say whether a loopback port can be bound now; the port is released again.

    Args:
        port: TCP port, 1-65535.

    Returns:
        True when nothing listens on it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(usual: int, avoid: Collection[int] = ()) -> int:
    """Choose a loopback port: the usual one, or a free one when it is taken.

    Args:
        usual: port wanted first; 0 when any will do.
        avoid: ports already promised to somebody else.

    Returns:
        A port that was free a moment ago; whoever binds it must still expect to lose the race.

    Raises:
        ServiceError: no port could be bound at all.
    """
    if usual and usual not in avoid and is_free(usual):
        return usual
    for _ in range(ATTEMPT_COUNT):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, 0))
            except OSError as error:
                raise ServiceError(
                    f"No port of {LOOPBACK} can be opened ({error.strerror}); free some ports and try again."
                ) from error
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port
    raise ServiceError(f"No free port was found on {LOOPBACK}; stop some programs and try again.")
