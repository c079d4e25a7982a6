"""What every connection to ClickHouse says of itself, native or HTTP."""

from __future__ import annotations

from typing import Any

from include.errors import StoreUnavailable
from include.settings import ClickHouseSettings

CONNECT_SECONDS = 5
QUERY_SECONDS = 600
# Said on every connection, because defaults differ between releases (docs/decisions/0003).
SESSION_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": 0,
    "input_format_allow_errors_num": 0,
    "max_partitions_per_insert_block": 1000,
    "join_use_nulls": 0,
}
CLUSTER_SETTINGS: dict[str, Any] = {"distributed_foreground_insert": 1}


def unavailable(settings: ClickHouseSettings) -> StoreUnavailable:
    """Say that ClickHouse cannot be reached.

    Args:
        settings: where it should be.

    Returns:
        The error to raise.
    """
    return StoreUnavailable(
        f"ClickHouse does not answer at {settings.host}:{settings.native_port} (HTTP {settings.http_port}); start it "
        "with 'python -m include services up', or correct CLICKHOUSE_URL."
    )
