"""A file of events of clients: ``client_id,occurred_at``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.visits.labels.delimited import BadRows, iter_chunks, parse_id
from include.visits.labels.moments import parse_moment

COLUMNS = ("client_id", "occurred_at")


def iter_event_rows(path: Path, zone: ZoneInfo | None, bad: BadRows) -> Iterator[bytes]:
    """Read a file of events as TSV with the columns of ``label_events``.

    Args:
        path: the file.
        zone: zone of times without an offset; None when every time needs one.
        bad: takes the rows that cannot be read.

    Yields:
        TSV lines.

    Raises:
        InputError: the file cannot be read, or its header lacks a column.
    """

    def choose(places: Mapping[str, int]) -> Sequence[int | None]:
        """Places of client and time."""
        if not set(COLUMNS) <= set(places):
            raise InputError(
                f"{path}: the header is {', '.join(places) or 'empty'}; it must name client_id and occurred_at.",
                code="bad_header",
                pointer=str(path),
            )
        return [places[name] for name in COLUMNS]

    def encode(line: int, values: Sequence[str]) -> str:
        """One row of ``label_events``."""
        client_id, at = parse_id(values[0], "client_id"), parse_moment(values[1], zone)
        if at is None or at.timestamp() < 0:
            raise ValueError(f"occurred_at {values[1]!r} is no time such as 2025-07-01T12:00:00+03:00")
        return f"{client_id}\t{int(at.timestamp())}"

    return iter_chunks(path, choose, encode, bad)
