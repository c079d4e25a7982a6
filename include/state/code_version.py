"""Which code made a record: a digest of the sources that decide."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

SOURCES = (".py", ".sql")
DIGEST_CHARS = 16  # hex digits; enough to tell two versions apart
_INCLUDE = Path(__file__).parents[1]


@cache
def code_version(*places: str) -> str:
    """Digest the sources of some rooms, SQL included; once per process.

    Args:
        places: folders or files below ``include``, such as ``visits/deciding`` or ``visits/tables.py``.

    Returns:
        16 hex digits; equal for equal sources, wherever they are installed.
    """
    digest = hashlib.sha256()
    roots = [_INCLUDE / place for place in places]
    files = {path for root in roots for path in ([root] if root.is_file() else root.rglob("*"))}
    for path in sorted(files):
        if path.suffix in SOURCES:
            digest.update(f"{path.relative_to(_INCLUDE).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:DIGEST_CHARS]
