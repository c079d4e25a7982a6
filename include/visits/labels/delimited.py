"""Reading a CSV file by line, one row in memory at a time; every bad row is remembered by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from include.errors import InputError

DELIMITERS = (",", ";", "\t")
CHUNK_BYTES = 1 << 18
MOST_LISTED = 200  # bad rows named in one message
MAX_ID = 2**64 - 1

Encode = Callable[[int, Sequence[str]], str]
"""Turns a line number and the wanted values of a row into a TSV line without its end; ValueError says what is wrong."""


@dataclass
class BadRows:
    """Rows that could not be read.

    Attributes:
        path: the file.
        listed: the first of them, a line each.
        count: all of them.
    """

    path: Path
    listed: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, reason: str) -> None:
        """Remember a row.

        Args:
            line: its line in the file, from 1.
            reason: what was wrong.
        """
        self.count += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(f"line {line}: {reason}")

    def refuse(self) -> None:
        """Refuse the file when it had bad rows.

        Raises:
            InputError: it had; the message names them by line.
        """
        if not self.count:
            return
        more = self.count - len(self.listed)
        tail = f"\nand {more} more." if more else ""
        raise InputError(
            f"{self.path} holds {self.count} bad rows, so nothing was imported; correct them and try again.\n"
            + "\n".join(self.listed)
            + tail,
            code="bad_rows",
            pointer=str(self.path),
        )


def iter_chunks(
    path: Path, choose: Callable[[Mapping[str, int]], Sequence[int | None]], encode: Encode, bad: BadRows
) -> Iterator[bytes]:
    """Turn a CSV file into TSV, a few hundred kilobytes at a time.

    Args:
        path: the file: UTF-8, a header line, separated by commas, semicolons or tabs.
        choose: from the place of each column by name to the places of the wanted values; None gives an empty text.
        encode: writes one row.
        bad: takes the rows that cannot be read.

    Yields:
        TSV lines.

    Raises:
        InputError: the file cannot be read, or its header lacks a column.
    """
    lines: list[str] = []
    size = 0
    for line, width, row, places in _iter_rows(path, choose):
        if len(row) != width:
            bad.add(line, f"{len(row)} values, but the header has {width}")
            continue
        try:
            lines.append(encode(line, ["" if place is None else row[place].strip() for place in places]))
        except ValueError as error:
            bad.add(line, str(error))
            continue
        size += len(lines[-1]) + 1
        if size >= CHUNK_BYTES:
            yield ("\n".join(lines) + "\n").encode()
            lines, size = [], 0
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def _iter_rows(
    path: Path, choose: Callable[[Mapping[str, int]], Sequence[int | None]]
) -> Iterator[tuple[int, int, list[str], Sequence[int | None]]]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = file.readline()
            delimiter = max(DELIMITERS, key=header.count)
            names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
            places = choose(_places(path, names))
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if row:
                    yield reader.line_num + 1, len(names), row, places
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", code="unreadable", pointer=str(path)) from None
    except csv.Error as error:
        raise InputError(f"{path} is no CSV file ({error}).", code="unreadable", pointer=str(path)) from None


def _places(path: Path, names: Sequence[str]) -> dict[str, int]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path}: the header names {', '.join(repeated)} twice; keep one column of each.",
            code="bad_header",
            pointer=str(path),
        )
    return {name: place for place, name in enumerate(names)}


def parse_id(text: str, what: str) -> int:
    """Read an id of up to 20 digits exactly.

    Args:
        text: as in the file.
        what: name of the column.

    Returns:
        The id, 1 to 2**64 - 1.

    Raises:
        ValueError: anything else.

    >>> parse_id("17000000000000000001", "visit_id")
    17000000000000000001
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or not 0 < int(text) <= MAX_ID:
        raise ValueError(f"{what} {text!r} is not a whole number from 1 to {MAX_ID}")
    return int(text)
