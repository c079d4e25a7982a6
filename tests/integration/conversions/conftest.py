"""The fixtures of scored days."""

from __future__ import annotations

from tests.conversion_days import engine_settings, scored, shared_api, shared_sandbox, state, warehouse

__all__ = ["engine_settings", "scored", "shared_api", "shared_sandbox", "state", "warehouse"]
