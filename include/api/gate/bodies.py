"""Reading a request body once, with its limit, and giving it to the app again."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager

from starlette.types import Message, Receive

from include.api.gate.policies import BodyRule
from include.api.gate.problems import Refusal

GZIP_WINDOW_BITS = 31  # zlib's way of saying: a gzip header and nothing else
ROOM_BYTES = 64 * 1_048_576  # a dozen of the largest batches, hundreds of common ones


class Room:
    """Memory that the bodies of one process may take together, so that a flood is refused before it is felt.

    Args:
        size_bytes: all of it.
    """

    def __init__(self, size_bytes: int = ROOM_BYTES) -> None:
        self._size_bytes, self._taken_bytes = size_bytes, 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Take room for one request; all of it is given back at the end.

        Yields:
            A function that takes so many bytes more; raises Refusal (503) when there is no room for them.
        """
        own_bytes = 0

        def take(size_bytes: int) -> None:
            """Take more room."""
            nonlocal own_bytes
            if self._taken_bytes + size_bytes > self._size_bytes:
                raise Refusal(
                    503, "overloaded", "Too much is being taken in at once; try again.", retry_after_seconds=1
                )
            own_bytes += size_bytes
            self._taken_bytes += size_bytes

        try:
            yield take
        finally:
            self._taken_bytes -= own_bytes


async def read_body(headers: Mapping[str, str], receive: Receive, rule: BodyRule, take: Callable[[int], None]) -> bytes:
    """Read a JSON body.

    Args:
        headers: request headers.
        receive: gives the body's messages.
        rule: limit and encodings.
        take: takes room for so many bytes.

    Returns:
        The bytes, decompressed.

    Raises:
        Refusal: too large (413), not declared as JSON (415), cut off or damaged (400), or no room (503).
    """
    is_gzip = _check_type(headers, rule)
    length = headers.get("content-length") or ""
    if length.isascii() and length.isdigit() and int(length[:20]) > rule.limit_bytes:
        raise _too_large(rule)
    chunks, size_bytes = [], 0
    stream = _gunzipped(_chunks(receive), rule) if is_gzip else _chunks(receive)
    async for chunk in stream:
        size_bytes += len(chunk)
        if size_bytes > rule.limit_bytes:
            raise _too_large(rule)
        take(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the app again.

    Args:
        body: the bytes.
        receive: where later messages come from.

    Returns:
        A receiver that starts with the body.
    """
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        """Give the body once more, whole."""
        return waiting.pop() if waiting else await receive()

    return again


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "invalid_json", "The body ended before it was complete.")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _gunzipped(chunks: AsyncIterator[bytes], rule: BodyRule) -> AsyncIterator[bytes]:
    """Decompress as the bytes come, never more of them at once than the limit and one."""
    reader, is_started = zlib.decompressobj(GZIP_WINDOW_BITS), False
    try:
        async for chunk in chunks:
            rest = chunk
            while rest:
                if reader.eof:  # a file of several members
                    reader = zlib.decompressobj(GZIP_WINDOW_BITS)
                is_started = True
                yield reader.decompress(rest, rule.limit_bytes + 1)
                rest = reader.unconsumed_tail or reader.unused_data
    except zlib.error:
        raise _damaged() from None
    if is_started and not reader.eof:
        raise _damaged()


def _check_type(headers: Mapping[str, str], rule: BodyRule) -> bool:
    kind, _, parameters = (headers.get("content-type") or "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Refusal(415, "unsupported_media_type", "Send the body as application/json in UTF-8.")
    encoding = (headers.get("content-encoding") or "identity").strip().lower()
    if encoding == "identity" or (encoding == "gzip" and rule.takes_gzip):
        return encoding == "gzip"
    wanted = "with no Content-Encoding but gzip" if rule.takes_gzip else "without Content-Encoding"
    raise Refusal(415, "unsupported_media_type", f"Send the body {wanted}.")


def _too_large(rule: BodyRule) -> Refusal:
    return Refusal(413, "body_too_large", f"The body may have at most {rule.limit_bytes} bytes.")


def _damaged() -> Refusal:
    return Refusal(400, "invalid_json", "The body cannot be read: it is not whole gzip.")
