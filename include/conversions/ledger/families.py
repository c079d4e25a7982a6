"""Ids of uploads that grow out of one another: further files of a call, halves, repeats.

The id given out for a whole call is the id of its first file; the ids of all others follow from it.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from sqlalchemy import Connection

from include.conversions.ledger.uploads import Upload, read_upload, read_uploads

RELATIVES_ASKED = 16  # ids looked up at a time


def relative_id(upload_id: str, number: int) -> str:
    """Id of the n-th upload that grew out of another: a further file, a half, a repeat.

    Args:
        upload_id: the upload it grew out of.
        number: from 1.

    Returns:
        Always the same UUID for the same arguments, so that one id given out leads to all of them.
    """
    return str(uuid5(UUID(upload_id), str(number)))


def free_relative_id(connection: Connection, upload_id: str) -> str:
    """Id for the next upload that grows out of another.

    Args:
        connection: open connection.
        upload_id: the upload it grows out of.

    Returns:
        The first id of the row that is not taken.
    """
    return relative_id(upload_id, len(_children(connection, upload_id)) + 1)


def family_of(connection: Connection, upload_id: str) -> list[Upload]:
    """An upload and everything that grew out of it.

    Args:
        connection: open connection.
        upload_id: id given out for the whole.

    Returns:
        The upload first, then the others, oldest first; empty when the id is unknown.
    """
    first = read_upload(connection, upload_id)
    if first is None:
        return []
    family, waiting = [first], [upload_id]
    while waiting:
        children = _children(connection, waiting.pop(0))
        family.extend(children)
        waiting.extend(child.upload_id for child in children)
    return [first, *sorted(family[1:], key=lambda upload: (upload.prepared_at, upload.upload_id))]


def _children(connection: Connection, upload_id: str) -> list[Upload]:
    children: list[Upload] = []
    complete = True
    while complete:
        numbers = range(len(children) + 1, len(children) + RELATIVES_ASKED + 1)
        found = read_uploads(connection, (relative_id(upload_id, number) for number in numbers))
        children.extend(found)
        complete = len(found) == RELATIVES_ASKED
    return children
