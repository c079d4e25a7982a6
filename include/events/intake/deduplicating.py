"""Which events are new: inside what is stored together, and against all that were seen lately.

The primary key of ``event_seen`` decides between batches that are stored at the same moment. Ids are inserted in
order, so that two batches with the same ids wait for each other at the first of them and never in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from include.errors import StoreBusy
from include.events.envelope.verdicts import Accepted

MOST_TRIES = 5  # a row may be forgotten between two looks, hardly twice
REMEMBER = """
INSERT INTO event_seen (project_number, event_id, content_sha256, receipt_number, position)
SELECT given.project, given.id, given.sha, given.receipt, given.position
FROM unnest(%(projects)s::integer[], %(ids)s::uuid[], %(shas)s::bytea[], %(receipts)s::bigint[],
    %(positions)s::smallint[]) AS given (project, id, sha, receipt, position)
ORDER BY given.project, given.id
ON CONFLICT (project_number, event_id) DO NOTHING
RETURNING receipt_number, position"""
# LATERAL with LIMIT asks the primary key once per id; a plain join may read the whole table instead.
RECALL = """
SELECT given.project, given.id::text, seen.content_sha256
FROM unnest(%(projects)s::integer[], %(ids)s::uuid[]) AS given (project, id)
CROSS JOIN LATERAL (
    SELECT content_sha256 FROM event_seen WHERE project_number = given.project AND event_id = given.id LIMIT 1
) AS seen"""


class Candidate(NamedTuple):
    """An event that keeps the rules and may be new.

    Attributes:
        project_number: number of its project.
        receipt_number: number of the receipt of its batch.
        event: the event.
    """

    project_number: int
    receipt_number: int
    event: Accepted


class Sorting(NamedTuple):
    """What became of candidates, by place.

    Attributes:
        new: stored now.
        equal: seen before with the same content.
    """

    new: set[tuple[int, int]]
    equal: set[tuple[int, int]]


def remember(connection: Connection, candidates: Sequence[Candidate]) -> Sorting:
    """Write down the ids of events, and find those that were there before.

    Args:
        connection: in the transaction of the batches.
        candidates: in order of arrival; of equal ids the first one counts.

    Returns:
        What is new and what is an equal copy; all others have an id that belongs to another event.
    """
    first: dict[tuple[int, int], Candidate] = {}
    later = []
    for candidate in candidates:
        if first.setdefault((candidate[0], candidate[2].event_id.int), candidate) is not candidate:
            later.append(candidate)
    new, known = _store(connection, first)
    again = [(key, candidate) for key, candidate in first.items() if key in known]
    if later:
        known |= {key: candidate.event.content_sha256 for key, candidate in first.items() if key not in known}
        again += [((candidate.project_number, candidate.event.event_id.int), candidate) for candidate in later]
    equal = {_place(candidate) for key, candidate in again if known[key] == candidate.event.content_sha256}
    return Sorting(new, equal)


def _store(
    connection: Connection, candidates: dict[tuple[int, int], Candidate]
) -> tuple[set[tuple[int, int]], dict[tuple[int, int], bytes]]:
    """Insert what is not there and read what is: places of new ones, contents of known ones."""
    new: set[tuple[int, int]] = set()
    known: dict[tuple[int, int], bytes] = {}
    left = sorted(candidates)
    for _ in range(MOST_TRIES):
        if not left:
            return new, known
        columns = _columns([candidates[key] for key in left])
        new |= {(row[0], row[1]) for row in connection.exec_driver_sql(REMEMBER, columns)}
        if len(new) == len(candidates):
            return new, known
        left = [key for key in left if _place(candidates[key]) not in new]
        for project, event_id, sha in connection.exec_driver_sql(RECALL, _columns([candidates[key] for key in left])):
            known[project, UUID(event_id).int] = bytes(sha)
        left = [key for key in left if key not in known]
    raise StoreBusy("Ids of events were forgotten while they were read.", code="busy", wait_seconds=1.0)


def _place(candidate: Candidate) -> tuple[int, int]:
    return candidate.receipt_number, candidate.event.position


def _columns(candidates: Sequence[Candidate]) -> dict[str, str]:
    """Arrays as text: much cheaper than a parameter per item."""
    projects, receipts, events = zip(*candidates, strict=True)
    return {
        "projects": _array(map(str, projects)),
        "ids": _array([str(event.event_id) for event in events]),
        "shas": _array([f'"\\\\x{event.content_sha256.hex()}"' for event in events]),
        "receipts": _array(map(str, receipts)),
        "positions": _array([str(event.position) for event in events]),
    }


def _array(items: Iterable[str]) -> str:
    return "{" + ",".join(items) + "}"
