"""What the rules say of one event."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class Accepted(NamedTuple):
    """An event that keeps every rule.

    Attributes:
        position: place in the batch, from 0.
        event_id: its id, unique in the project.
        content_sha256: 32 bytes, digest of what it says; equal for equal events however they are spelled.
        line: its line of the inbox, ending in a newline (``include.events.tables.INBOX_COLUMNS``).
        warnings: codes of ``codes.WARNINGS``, each once, sorted.
        event_name: name in its one spelling, aliases resolved.
    """

    position: int
    event_id: UUID
    content_sha256: bytes
    line: bytes
    warnings: tuple[str, ...]
    event_name: str


class Rejected(NamedTuple):
    """An event that breaks a rule.

    Attributes:
        position: place in the batch, from 0.
        event_id: its own id in lower case, or None when it has none that can be used.
        event_name: name in its one spelling, or empty.
        code: a code of ``codes.CODES``.
        pointer: JSON pointer of the place in the body as sent.
        message: what is wrong and what to do.
    """

    position: int
    event_id: str | None
    event_name: str
    code: str
    pointer: str
    message: str


Verdict = Accepted | Rejected
