"""What is kept of an event: its line of the inbox, as ClickHouse's TabSeparated, and the digest of what it says."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from uuid import UUID

import orjson

from include.events.envelope.forms import Form
from include.events.envelope.times import microseconds_of

NULL = "\\N"
LAST_VERSION = 2**64 - 1  # of the replacing table; earlier receptions get larger versions and win
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})


def escaped(text: str) -> str:
    r"""Write a text as a field of a line.

    Args:
        text: any text that UTF-8 can carry.

    Returns:
        The text without raw tabs and line ends.

    >>> escaped("a\tb")
    'a\\tb'
    """
    if "\\" not in text and text.isprintable():
        return text
    return text.translate(ESCAPES)


@lru_cache(maxsize=512)  # combinations of a few codes
def listed(codes: tuple[str, ...]) -> str:
    """Write codes as an array of strings.

    Args:
        codes: words of letters, digits and ``_``.

    Returns:
        The field.

    >>> listed(("no_id", "no_time"))
    "['no_id','no_time']"
    """
    return "[" + ",".join(f"'{code}'" for code in codes) + "]"


class LineWriter:
    """Writes the lines of one batch.

    Args:
        project: app code, or ``default``.
        received_at: when the batch was received, aware.
        receipt_id: its receipt.
    """

    __slots__ = ("_project", "_receipt", "_received", "_version")

    def __init__(self, project: str, received_at: dt.datetime, receipt_id: UUID) -> None:
        received_at = received_at.astimezone(dt.UTC)
        self._project = escaped(project)
        self._received = received_at.isoformat(" ", "microseconds")[:26]
        self._receipt = str(receipt_id)
        self._version = LAST_VERSION - microseconds_of(received_at)

    def write(
        self,
        position: int,
        form: Form,
        *,
        event_name: str,
        event_id: UUID,
        person: str,
        schema_version: int,
        times: str,
        identities: str,
        objects: tuple[bytes, bytes, bytes],
        warnings: tuple[str, ...],
    ) -> bytes:
        """Write one line, its fields in the order of ``include.events.tables.INBOX_COLUMNS``.

        Args:
            position: place in the batch, from 0.
            form: the event.
            event_name: its name in its one spelling.
            event_id: id of the event.
            person: person as a UUID.
            schema_version: 0 when the event was not registered.
            times: ``occurred_at``, ``event_time`` and ``offset_minutes``, ready fields joined by tabs.
            identities: the six identities, ready fields joined by tabs.
            objects: attributes, context and labels as canonical JSON; labels may be empty.
            warnings: codes.

        Returns:
            UTF-8, ending in a newline.
        """
        written = b"\t".join(objects).replace(b"\\", b"\\\\").decode()
        return (
            f"{self._project}\t{escaped(event_name)}\t{event_id}\t{person}\t{escaped(form.name)}\t{form.source}\t"
            f"{schema_version}\t{times}\t{self._received}\t{identities}\t{escaped(form.session_id)}\t"
            f"{form.scope_type}\t{escaped(form.scope_id)}\t{escaped(form.module_id)}\t{written}\t"
            f"{listed(warnings)}\t{self._receipt}\t{position}\t{self._version}\n"
        ).encode()


def digest_of(event_name: str, form: Form, occurred_ms: int | None, objects: tuple[bytes, bytes, bytes]) -> bytes:
    """Digest what an event says, whatever shape, key order or spelling of numbers it says it in.

    Left out on purpose: ids of the event, its batch and the sender's clock, names as sent, versions of schemas. A
    time that was not sent counts as not sent, although the time of reception is stored.

    Args:
        event_name: name in its one spelling.
        form: the event.
        occurred_ms: time as sent, milliseconds since 1970 UTC; None without.
        objects: attributes, context and labels as canonical JSON; labels may be empty.

    Returns:
        SHA-256 of the canonical JSON, 32 bytes.
    """
    props, context, labels = objects
    said = {
        "context": orjson.Fragment(context),
        "event_name": event_name,
        "labels": orjson.Fragment(labels) if labels else None,
        "module_id": form.module_id,
        "occurred_at": occurred_ms,
        "props": orjson.Fragment(props),
        "scope_id": form.scope_id,
        "scope_type": form.scope_type,
        "session_id": form.session_id,
        "source": form.source,
        "subject": form.subject,
    }
    return hashlib.sha256(orjson.dumps(said)).digest()
