"""Prepared parts on disk: gzip files that are written once and streamed many times."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from include.metrika_sandbox.columns.dialect import ENCODING_ERRORS

GZIP_WINDOW_BITS = 31  # zlib's way to ask for a gzip wrapper
GZIP_LEVEL = 1  # fastest; ids hardly shrink further


@dataclass(frozen=True)
class PartFile:
    """One prepared part.

    Attributes:
        path: gzip file.
        tsv_bytes: bytes of its rows, decoded, without the header line.
        row_count: rows in it.
    """

    path: Path
    tsv_bytes: int
    row_count: int


class PartWriter:
    """Cuts rows into parts and compresses them in a second thread.

    Args:
        folder: where the files go; it exists.
        header: header line without line end.
        rows_per_part: rows after which the next part starts.
        max_parts: the last part takes all that is left; None sets no limit.
        has_final_lf: each part ends with a line end.
    """

    def __init__(
        self, folder: Path, header: str, rows_per_part: int, max_parts: int | None, has_final_lf: bool
    ) -> None:
        self._folder, self._rows_per_part, self._max_parts = folder, rows_per_part, max_parts
        self._header = header.encode() + b"\n"
        self._has_final_lf = has_final_lf
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sandbox-gzip")
        self._pending: Future[None] | None = None
        self._parts: list[PartFile] = []
        self._file: BinaryIO | None = None
        self._rows = self._bytes = 0

    def write(self, rows: list[str]) -> None:
        """Add rows, each a line without its end."""
        place = 0
        while place < len(rows):
            if self._file is None:
                self._open()
            is_last = self._max_parts is not None and len(self._parts) == self._max_parts - 1
            room = len(rows) if is_last else self._rows_per_part - self._rows
            taken = rows[place : place + room]
            text = "\n".join(taken).encode("utf-8", ENCODING_ERRORS)
            self._put(text if self._rows == 0 else b"\n" + text)
            self._rows += len(taken)
            place += len(taken)
            if not is_last and self._rows >= self._rows_per_part:
                self._finish()

    def close(self) -> list[PartFile]:
        """Finish the last part.

        Returns:
            The parts in order; empty when no row was written.
        """
        if self._file is not None:
            self._finish()
        self._worker.shutdown()
        return self._parts

    def write_empty_part(self) -> None:
        """Add a part of size 0: a header without rows."""
        self._open()
        self._finish()

    def _open(self) -> None:
        path = self._folder / f"part{len(self._parts)}.gz"
        self._file = path.open("wb")
        self._packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW_BITS)
        self._rows = self._bytes = 0
        self._put(self._header)
        self._bytes = 0

    def _put(self, data: bytes) -> None:
        self._bytes += len(data)
        self._wait()
        file, packer = self._file, self._packer
        assert file is not None
        self._pending = self._worker.submit(_pack, file, packer.compress, data)

    def _finish(self) -> None:
        if self._rows and self._has_final_lf:
            self._put(b"\n")
        self._wait()
        assert self._file is not None
        self._file.write(self._packer.flush())
        self._file.close()
        self._parts.append(PartFile(Path(self._file.name), self._bytes, self._rows))
        self._file = None

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def _pack(file: BinaryIO, compress: Callable[[bytes], bytes], data: bytes) -> None:
    file.write(compress(data))
