"""Bytes of a part on their way out: as stored, decoded, or damaged on purpose."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain

from include.metrika_sandbox.behaviour.answers import PartDownload
from include.metrika_sandbox.logs.spool import GZIP_LEVEL, GZIP_WINDOW_BITS

CHUNK_BYTES = 1 << 16
DAMAGE = bytes(16)  # zeros written over the middle of the compressed bytes


class SocketDropped(ConnectionError):
    """The server resets this connection on purpose."""


def iter_part(part: PartDownload, *, is_gzip: bool) -> Iterator[bytes]:
    """The body of a download.

    Args:
        part: what to send and what goes wrong.
        is_gzip: send compressed bytes.

    Yields:
        Pieces of the body.

    Raises:
        SocketDropped: in the middle, when that fault is on.
    """
    is_rewritten = bool(part.renamed_header) or part.cuts_rows
    if is_gzip and not is_rewritten:
        pieces = _iter_file(part)
    else:
        pieces = _iter_decoded(part)
        if is_rewritten:
            pieces = _iter_rewritten(part, pieces)
        if is_gzip:
            pieces = _iter_packed(pieces)
    if part.breaks_gzip and is_gzip:
        pieces = _iter_damaged(pieces)
    yield from _iter_half(pieces, part) if part.drops_socket else pieces


def _iter_file(part: PartDownload) -> Iterator[bytes]:
    with part.path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _iter_decoded(part: PartDownload) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(GZIP_WINDOW_BITS)
    for piece in _iter_file(part):
        if decoded := unpacker.decompress(piece):
            yield decoded


def _iter_rewritten(part: PartDownload, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Another header line, fewer rows, or both."""
    start = b""
    while b"\n" not in start:
        start += next(pieces)
    header, _, rest = start.partition(b"\n")
    yield (part.renamed_header.encode() if part.renamed_header else header) + b"\n"
    left = part.tsv_bytes // 2 if part.cuts_rows else part.tsv_bytes
    for piece in chain([rest], pieces):
        if kept := piece[:left]:
            yield kept
            left -= len(kept)


def _iter_packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW_BITS)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _iter_damaged(pieces: Iterator[bytes]) -> Iterator[bytes]:
    is_first = True
    for piece in pieces:
        middle = len(piece) // 2
        yield piece[:middle] + DAMAGE + piece[middle + len(DAMAGE) :] if is_first else piece
        is_first = False


def _iter_half(pieces: Iterator[bytes], part: PartDownload) -> Iterator[bytes]:
    """Half of the bytes, then a reset."""
    left = part.path.stat().st_size // 2
    for piece in pieces:
        if len(piece) >= left:
            yield piece[:left]
            break
        yield piece
        left -= len(piece)
    raise SocketDropped("dropped on purpose")
