"""A multipart body with one file, streamed from disk: a file of 1 GB never lies in memory."""

from __future__ import annotations

import io
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar

BOUNDARY = f"counterflow{secrets.token_hex(16)}"  # random, so that no file can hold it
FIELD_NAME, FILE_NAME = "file", "conversions.csv"


class FileBody:
    """The body of an upload; a context manager that closes the file.

    Args:
        file: the file by path, or its bytes.
    """

    CONTENT_TYPE: ClassVar[str] = f"multipart/form-data; boundary={BOUNDARY}"

    def __init__(self, file: Path | bytes) -> None:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{FIELD_NAME}"; filename="{FILE_NAME}"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        content: BinaryIO = io.BytesIO(file) if isinstance(file, bytes) else file.open("rb")
        tail = f"\r\n--{BOUNDARY}--\r\n"
        self._pieces: tuple[BinaryIO, ...] = (io.BytesIO(head.encode()), content, io.BytesIO(tail.encode()))
        self._size_bytes = sum(piece.seek(0, io.SEEK_END) for piece in self._pieces)
        self.rewound()

    def __enter__(self) -> FileBody:
        """Give the body."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        for piece in self._pieces:
            piece.close()

    def __len__(self) -> int:
        """Bytes of the whole body; becomes the Content-Length."""
        return self._size_bytes

    def rewound(self) -> FileBody:
        """Start from the first byte again.

        Returns:
            The body itself.
        """
        for piece in self._pieces:
            piece.seek(0)
        self._current = 0
        return self

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Args:
            size: most bytes to read; all when negative.

        Returns:
            At most so many bytes; empty at the end.
        """
        if size < 0:
            return b"".join(piece.read() for piece in self._pieces[self._current :])
        while self._current < len(self._pieces):
            block = self._pieces[self._current].read(size)
            if block:
                return block
            self._current += 1
        return b""
