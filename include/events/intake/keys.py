"""Names under which a batch is found again when it is sent twice."""

from __future__ import annotations


def request_key(method: str, path: str, project: str, key: str) -> str:
    """Name a request that came with an Idempotency-Key.

    Args:
        method: HTTP method.
        path: path below the prefix.
        project: project the events go to.
        key: the key as sent.

    Returns:
        The name; unique together with the caller.

    >>> request_key("POST", "/api/v1/events", "default", "k-1")
    'POST /api/v1/events default k-1'
    """
    return f"{method} {path} {project} {key}"


def body_key(path: str, project: str, body_sha256: bytes) -> str:
    """Name a body whose events all have ids, sent without a key.

    Args:
        path: path below the prefix.
        project: project the events go to.
        body_sha256: digest of the body, 32 bytes.

    Returns:
        The name; unique together with the caller.
    """
    return f"{path} {project} {body_sha256.hex()}"
