"""Joining gzip members into pieces worth sending."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st

from include.events.loading.payloads import CHUNK_BYTES, in_chunks


class TestInChunks:
    @given(st.lists(st.integers(1, 2 * CHUNK_BYTES), max_size=8))
    def test_should_keep_every_byte_in_order(self, sizes: list[int]) -> None:
        payloads = [bytes([place % 256]) * size for place, size in enumerate(sizes)]
        assert b"".join(in_chunks(iter(payloads))) == b"".join(payloads)

    @given(st.lists(st.integers(1, CHUNK_BYTES), min_size=2, max_size=40))
    def test_should_send_no_small_piece_but_the_last(self, sizes: list[int]) -> None:
        pieces = list(in_chunks(iter([b"x" * size for size in sizes])))
        assert all(len(piece) >= CHUNK_BYTES for piece in pieces[:-1])

    def test_should_stay_readable_as_one_gzip_body(self) -> None:
        members = [gzip.compress(b"%d\n" % number) for number in range(100)]
        assert gzip.decompress(b"".join(in_chunks(iter(members)))) == b"".join(b"%d\n" % n for n in range(100))
