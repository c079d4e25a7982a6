"""Pages of lists, the same in all routes: limit, offset, how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

DEFAULT_LIMIT, LARGEST_LIMIT = 100, 1000
LARGEST_OFFSET = 2**31

LimitQuery = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Most entries of the answer.")]
OffsetQuery = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Entries left out from the start.")]


def page_of(items: Sequence[Any], total: int, limit: int, offset: int) -> dict[str, Any]:
    """Make the answer of a list.

    Args:
        items: entries of this page.
        total: entries of the whole list.
        limit: as asked.
        offset: as asked.

    Returns:
        ``items``, ``total``, ``limit``, ``offset``, ``has_more``.

    >>> page_of(["b"], 3, 1, 1)["has_more"]
    True
    """
    return {
        "items": list(items),
        "total": total,
        "limit": limit,
        "offset": offset,
        "has_more": offset + len(items) < total,
    }
