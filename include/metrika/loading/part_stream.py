"""Reading the bytes of one part: decode, take the header off, count; nothing is kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from isal import isal_zlib

from include.errors import SourceError

GZIP_WINDOW = 31  # zlib's way to say: a gzip member, 32 KiB window
CHUNK_BYTES = 512 * 1024
MAX_HEADER_BYTES = 64 * 1024


class EncodedStream(Protocol):
    """What a download gives: how its bytes are encoded, and the bytes."""

    encoding: str

    def iter_raw(self) -> Iterator[bytes]:
        """Undecoded bytes in the order they arrive."""
        ...


class PartDamaged(SourceError):
    """The bytes of a part are not what Metrika announced; fetching it again may help."""

    retryable = True


class PartBody:
    """One part while it streams: the header first, then the body in chunks.

    Args:
        encoding: ``gzip`` or ``identity``.
        chunks: undecoded bytes.
        spool: gets a copy of the undecoded bytes, to read the part again without Metrika; or None.

    Attributes:
        header: column names of the first line.
        body_bytes: decoded bytes behind the header so far.
        line_count: lines behind the header so far; an unfinished last line counts.
    """

    def __init__(self, encoding: str, chunks: Iterable[bytes], spool: BinaryIO | None = None) -> None:
        self._decoded = _decode(encoding, _copy(chunks, spool))
        self._first = b""
        self._ends_with_newline = True
        self._newline_count = 0
        self.body_bytes = 0
        self.header = self._read_header()

    @property
    def line_count(self) -> int:
        """Lines behind the header so far."""
        return self._newline_count + (0 if self._ends_with_newline else 1)

    @property
    def ends_with_newline(self) -> bool:
        """Whether the last line is finished; True for an empty body."""
        return self._ends_with_newline

    def _read_header(self) -> tuple[str, ...]:
        buffer = b""
        for chunk in self._decoded:
            buffer += chunk
            if b"\n" in buffer:
                line, _, self._first = buffer.partition(b"\n")
                return tuple(line.decode("utf-8", "replace").split("\t"))
            if len(buffer) > MAX_HEADER_BYTES:
                raise PartDamaged("A part has no header line within its first 64 KiB; it is fetched again.")
        return tuple(buffer.decode("utf-8", "replace").split("\t")) if buffer else ()

    def iter_body(self) -> Iterator[bytes]:
        """The decoded body behind the header.

        Yields:
            Chunks of bytes, in any cut.

        Raises:
            PartDamaged: the encoding is broken.
        """
        if self._first:
            yield self._counted(self._first)
        for chunk in self._decoded:
            if chunk:
                yield self._counted(chunk)

    def _counted(self, chunk: bytes) -> bytes:
        self.body_bytes += len(chunk)
        self._newline_count += chunk.count(b"\n")
        self._ends_with_newline = chunk.endswith(b"\n")
        return chunk

    def check_size(self, size_bytes: int | None, part_number: int) -> None:
        """Compare what arrived with what Metrika announced (P10).

        Args:
            size_bytes: decoded bytes without the header line; None when not announced.
            part_number: the part, for the message.

        Raises:
            PartDamaged: bytes are missing or too many. A missing last newline alone loses nothing and passes.
        """
        missing_newline = 0 if self._ends_with_newline else 1
        if size_bytes is None or size_bytes in (self.body_bytes, self.body_bytes + missing_newline):
            return
        raise PartDamaged(
            f"Part {part_number} has {self.body_bytes} bytes instead of the announced {size_bytes}; "
            "it is fetched again."
        )


def iter_spooled(encoding: str, spool: BinaryIO) -> Iterator[bytes]:
    """Read a spooled part again, without its header.

    Args:
        encoding: as it came.
        spool: the copy; read from its start.

    Yields:
        The decoded body.
    """
    spool.seek(0)
    yield from PartBody(encoding, iter(lambda: spool.read(CHUNK_BYTES), b"")).iter_body()


def _copy(chunks: Iterable[bytes], spool: BinaryIO | None) -> Iterator[bytes]:
    for chunk in chunks:
        if spool is not None:
            spool.write(chunk)
        yield chunk


def _decode(encoding: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    if encoding != "gzip":
        yield from chunks
        return
    decoder = isal_zlib.decompressobj(GZIP_WINDOW)
    started = False
    try:
        for chunk in chunks:
            started = started or bool(chunk)
            while chunk:
                yield decoder.decompress(chunk, CHUNK_BYTES)
                chunk = decoder.unconsumed_tail
                if decoder.eof and decoder.unused_data:  # several members in one answer
                    chunk, decoder = decoder.unused_data, isal_zlib.decompressobj(GZIP_WINDOW)
    except isal_zlib.error:  # type: ignore[misc]  # its stub gives an instance
        raise PartDamaged("A part came with broken gzip; it is fetched again without compression.") from None
    if started and not decoder.eof:
        raise PartDamaged("The gzip stream of a part ends early; it is fetched again without compression.")
