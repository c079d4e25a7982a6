"""Ids of accounts and keys, as PostgreSQL takes them."""

from __future__ import annotations

import uuid


def is_id(text: str) -> bool:
    """Whether a text is the id of anything.

    Args:
        text: any text.

    Returns:
        False for texts that no row can have.

    >>> is_id("nothing"), is_id("8c7d3a52-9d6f-4a5e-9a32-0f4f2f6f1b10")
    (False, True)
    """
    try:
        return str(uuid.UUID(text)) == text.lower()
    except (ValueError, AttributeError, TypeError):
        return False
