"""The file of one upload: CSV, one kind of identifier, true epoch seconds.

The bytes depend on the ledger's rows alone, so a file can be written again after a crash and
compared with the digest taken when it was prepared.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import IO

from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.money import format_price

FILE_LIMIT_BYTES = 10**9  # "1 GB", read as the smaller of the two readings
BUFFER_ROWS = 5_000
EPOCH_CHARS = 20
PRICE_CHARS = 20
CURRENCY_CHARS = 3
COMMENT_PREFIX = "cf"
COMMENT_DIGEST_CHARS = 40


@dataclass(frozen=True)
class FileRow:
    """One line of a file.

    Attributes:
        identifier: the visitor's identifier.
        sent_epoch_seconds: DateTime column, Unix seconds.
        price: price with two decimals, or None.
        currency: ISO 4217 code, or an empty text.
    """

    identifier: str
    sent_epoch_seconds: int
    price: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What was written.

    Attributes:
        sha256: hex digest of the bytes.
        size_bytes: bytes.
        row_count: lines without the header.
    """

    sha256: str
    size_bytes: int
    row_count: int


class DigestSink:
    """Takes pieces of text, keeps their digest and size, and passes the bytes on when there is somewhere to.

    Args:
        target: binary stream, or None to count only.
    """

    def __init__(self, target: IO[bytes] | None) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def take(self, text: str) -> None:
        """Take a piece.

        Args:
            text: the piece.
        """
        data = text.encode("utf-8")
        self._digest.update(data)
        self.size_bytes += len(data)
        if self._target is not None:
            self._target.write(data)

    def hexdigest(self) -> str:
        """Hex SHA-256 of everything taken so far."""
        return self._digest.hexdigest()


def write_file(
    stream: IO[bytes] | None, kind: IdentifierKind, target: str, rows: Iterable[FileRow], *, with_money: bool
) -> FileFacts:
    """Write one file.

    Args:
        stream: binary stream to write to; None only takes the digest.
        kind: kind of identifier of every row.
        target: goal identifier; may hold commas, quotes and line breaks.
        rows: the lines in order.
        with_money: write the columns Price and Currency.

    Returns:
        Digest, size and row count.

    Source:
        "Upload offline conversions", Metrika API pages: comma separated, first line names the columns,
        UTF-8, dot decimals, integer Unix seconds.
    """
    sink, count = DigestSink(stream), 0
    money = ("Price", "Currency") if with_money else ()
    sink.take(",".join((kind.column, "Target", "DateTime", *money)) + "\n")
    cells = (_cells(row, target, with_money) for row in rows)
    while block := list(islice(cells, BUFFER_ROWS)):
        sink.take(_lines(block, target))
        count += len(block)
    return FileFacts(sink.hexdigest(), sink.size_bytes, count)


def csv_line(row: FileRow, target: str, *, with_money: bool) -> str:
    """Write one line as it stands in a file.

    Args:
        row: the line.
        target: goal identifier.
        with_money: the file has the columns Price and Currency.

    Returns:
        The line without its end.

    >>> csv_line(FileRow("17", 1751328000), "a,b", with_money=False)
    '17,"a,b",1751328000'
    """
    return _lines([_cells(row, target, with_money)], target).removesuffix("\n")


def _lines(block: list[tuple[str, ...]], target: str) -> str:
    buffer = StringIO()
    # The csv writer quotes a lone CR only when CR is part of its line end.
    quotes_all = "\r" in target
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL).writerows(block)
    return buffer.getvalue()


def _cells(row: FileRow, target: str, with_money: bool) -> tuple[str, ...]:
    cells = (row.identifier, target, str(row.sent_epoch_seconds))
    return (*cells, format_price(row.price), row.currency) if with_money else cells


def rows_per_file(target: str, longest_identifier_bytes: int, max_rows: int) -> int:
    """How many rows fit into one file whatever they hold.

    Args:
        target: goal identifier.
        longest_identifier_bytes: UTF-8 bytes of the longest identifier.
        max_rows: configured cap.

    Returns:
        Rows, at least 1.

    >>> rows_per_file("4plus", 19, 1_000_000)
    1000000
    """
    quoted_target = 2 * len(target.encode("utf-8")) + 2
    quoted_identifier = 2 * longest_identifier_bytes + 2
    widest = quoted_identifier + quoted_target + EPOCH_CHARS + PRICE_CHARS + CURRENCY_CHARS + 2 * 3 + 5
    return max(1, min(max_rows, (FILE_LIMIT_BYTES - widest) // widest))


def batch_comment(counter_id: int, target: str, kind: IdentifierKind, file_sha256: str, attempt: int) -> str:
    """The token by which an upload is found again in Metrika's list.

    Args:
        counter_id: the counter.
        target: goal identifier.
        kind: kind of identifier.
        file_sha256: digest of the file.
        attempt: 1 for the first time these rows are sent together.

    Returns:
        42 Latin letters and digits; the same rows always give the same token.

    Source:
        "comment": at most 255 characters, digits and letters only.
    """
    key = "\n".join((str(counter_id), target, kind.value, file_sha256, str(attempt)))
    return COMMENT_PREFIX + hashlib.sha256(key.encode("utf-8")).hexdigest()[:COMMENT_DIGEST_CHARS]
