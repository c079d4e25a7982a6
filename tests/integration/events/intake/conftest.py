from __future__ import annotations

from tests.taken_batches import desk, own_desk

__all__ = ["desk", "own_desk"]
