"""Reading a request body once, with its limit, and giving it to the app again."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Message, Receive

from include.api.gate.documents import LARGEST_BODY_BYTES
from include.api.gate.problems import Refusal

TOO_LARGE = Refusal(413, "body_too_large", f"The body may have at most {LARGEST_BODY_BYTES} bytes.")
CLOSED = Refusal(400, "invalid_json", "The body ended before it was complete.")


async def read_body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """Read a JSON body.

    Args:
        headers: request headers.
        receive: gives the body's messages.

    Returns:
        The bytes as sent.

    Raises:
        Refusal: too large (413), not declared as JSON (415), or cut off (400).
    """
    length = headers.get("content-length") or ""
    if length.isascii() and length.isdigit() and int(length[:20]) > LARGEST_BODY_BYTES:
        raise TOO_LARGE
    _check_type(headers)
    chunks, size_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CLOSED
        chunk = message.get("body", b"")
        size_bytes += len(chunk)
        if size_bytes > LARGEST_BODY_BYTES:
            raise TOO_LARGE
        chunks.append(chunk)
        more = message.get("more_body", False)
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


def _check_type(headers: Mapping[str, str]) -> None:
    kind, _, parameters = (headers.get("content-type") or "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Refusal(415, "unsupported_media_type", "Send the body as application/json in UTF-8.")
    if (headers.get("content-encoding") or "identity").lower() != "identity":
        raise Refusal(415, "unsupported_media_type", "Send the body without Content-Encoding.")
