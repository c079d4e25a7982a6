"""A file of labels made by hand: ``visit_id,level`` or ``visit_id,label``, optionally ``labelled_at``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.visits.labels.delimited import BadRows, iter_chunks, parse_id
from include.visits.labels.moments import parse_moment

LEVEL_4 = 4  # a visit of this activity level or above counts as positive
MAX_LEVEL = 255
NULL = "\\N"
COLUMNS = ("line", "visit_id", "label", "level", "labelled_at")


def iter_label_rows(path: Path, zone: ZoneInfo | None, bad: BadRows) -> Iterator[bytes]:
    """Read a file of labels as TSV with the columns of ``label_rows``.

    Args:
        path: the file.
        zone: zone of times without an offset; None when every time needs one.
        bad: takes the rows that cannot be read.

    Yields:
        TSV lines.

    Raises:
        InputError: the file cannot be read, or its header lacks a column.
    """
    is_level = False

    def choose(places: Mapping[str, int]) -> Sequence[int | None]:
        """Places of id, level or label, and time."""
        nonlocal is_level
        is_level = "level" in places
        if "visit_id" not in places or is_level == ("label" in places):
            raise InputError(
                f"{path}: the header is {', '.join(places) or 'empty'}; it must name visit_id and either level "
                "(4 and above is positive) or label (0 or 1), and may name labelled_at.",
                code="bad_header",
                pointer=str(path),
            )
        return places["visit_id"], places["level" if is_level else "label"], places.get("labelled_at")

    def encode(line: int, values: Sequence[str]) -> str:
        """One row of ``label_rows``."""
        visit_id, said, at = values
        label, level = _parse_level(said) if is_level else (_parse_label(said), NULL)
        return f"{line}\t{parse_id(visit_id, 'visit_id')}\t{label}\t{level}\t{_parse_at(at, zone)}"

    return iter_chunks(path, choose, encode, bad)


def _parse_level(text: str) -> tuple[int, str]:
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or int(text) > MAX_LEVEL:
        raise ValueError(f"level {text!r} is not a whole number from 0 to {MAX_LEVEL}")
    return int(int(text) >= LEVEL_4), str(int(text))


def _parse_label(text: str) -> int:
    if text not in ("0", "1"):
        raise ValueError(f"label {text!r} is neither 0 nor 1")
    return int(text)


def _parse_at(text: str, zone: ZoneInfo | None) -> str:
    if not text:
        return NULL
    found = parse_moment(text, zone)
    if found is None or found.timestamp() < 0:
        raise ValueError(f"labelled_at {text!r} is no time such as 2025-07-01T12:00:00+03:00")
    return str(int(found.timestamp()))
