from __future__ import annotations

import tracemalloc
from email.parser import BytesParser
from pathlib import Path

from include.metrika.client.multipart import FileBody

CSV = b"ClientId,Target,DateTime\r\n1,4plus,2\n"


def read_all(body: FileBody, size: int) -> bytes:
    return b"".join(iter(lambda: body.read(size), b""))


class TestFileBody:
    def test_should_hold_the_file_as_field_file_when_parsed(self) -> None:
        with FileBody(CSV) as body:
            text = f"Content-Type: {body.CONTENT_TYPE}\r\n\r\n".encode() + read_all(body, 7)
        (part,) = BytesParser().parsebytes(text).get_payload()
        assert part.get_param("name", header="content-disposition") == "file"
        assert part.get_payload(decode=True) == CSV

    def test_should_be_as_long_as_it_says_when_read(self, tmp_path: Path) -> None:
        path = tmp_path / "file.csv"
        path.write_bytes(CSV * 1000)
        with FileBody(path) as body:
            assert len(read_all(body, 100)) == len(body)

    def test_should_begin_anew_when_rewound(self) -> None:
        with FileBody(CSV) as body:
            first = body.read()
            assert body.rewound().read() == first

    def test_should_not_lie_in_memory_when_the_file_is_large(self, tmp_path: Path) -> None:
        path = tmp_path / "large.csv"
        with path.open("wb") as file:
            file.truncate(32 << 20)
        tracemalloc.start()
        with FileBody(path) as body:
            read_bytes = sum(len(block) for block in iter(lambda: body.read(16384), b""))
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert read_bytes > 32 << 20 > (1 << 20) > peak_bytes
