"""Request bodies, with a length or in chunks, read no further than they go."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import BinaryIO

SPOOL_BYTES = 1 << 20  # chunked bodies above this go to disk
DRAINED_BYTES = 1 << 20  # an unread body up to this size is read away, a larger one costs the connection


class RequestBody:
    """A body that knows how much of it is left.

    Args:
        stream: where it comes from.
        size_bytes: its length.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._stream = stream
        self.size_bytes = size_bytes
        self._left = size_bytes

    def read(self, limit_bytes: int | None = None) -> bytes:
        """Read on.

        Args:
            limit_bytes: at most so many; None reads to the end.

        Returns:
            The bytes, empty at the end.
        """
        wanted = self._left if limit_bytes is None else min(limit_bytes, self._left)
        data = self._stream.read(wanted) if wanted else b""
        self._left = self._left - len(data) if data else 0
        return data

    def drain(self) -> bool:
        """Read the rest away, so that the next request can follow.

        Returns:
            False when too much is left; the connection must close.
        """
        if self._left > DRAINED_BYTES:
            return False
        self.read()
        return True


def open_body(stream: BinaryIO, headers: Mapping[str, str]) -> RequestBody:
    """Find the body of a request.

    Args:
        stream: the connection, after the headers.
        headers: request headers, names in lower case.

    Returns:
        The body; of size 0 when there is none.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _unchunk(stream)
    size = headers.get("content-length", "0")
    return RequestBody(stream, int(size) if size.isdigit() else 0)


def _unchunk(stream: BinaryIO) -> RequestBody:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives as long as the request
    total = 0
    while size := int(stream.readline().split(b";")[0].strip() or b"0", 16):
        spool.write(stream.read(size))
        stream.readline()
        total += size
    while stream.readline().strip():
        pass
    spool.seek(0)
    return RequestBody(spool, total)  # type: ignore[arg-type]
