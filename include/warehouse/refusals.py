"""What ClickHouse refuses, as one sentence."""

from __future__ import annotations

from include.errors import StoreError, StoreUnavailable

TOO_SLOW, TOO_BUSY = 159, (202, 241)  # over max_execution_time; too many queries at once, no memory left for one


def refused(code: int, text: str) -> StoreError:
    """Turn a ClickHouse error into ours.

    Args:
        code: ClickHouse error code.
        text: its message with stack trace.

    Returns:
        The error to raise; its message holds the code. One that may go better later can be tried again.
    """
    if code == TOO_SLOW:
        return StoreUnavailable(
            f"ClickHouse gave a query up that took too long (code {code}); ask for less, or allow more with "
            "CLICKHOUSE_TIMEOUT_SECONDS."
        )
    if code in TOO_BUSY:
        return StoreUnavailable(f"ClickHouse is too busy for a query (code {code}): {first_sentence(text)}")
    return StoreError(f"ClickHouse refused a statement (code {code}): {first_sentence(text)}")


def first_sentence(text: str) -> str:
    """Cut what ClickHouse says to what a person reads.

    Args:
        text: message, perhaps with a stack trace.

    Returns:
        At most 500 characters of it, without the trace.

    >>> first_sentence("DB::Exception: No such table. Stack trace: 0 ...")
    'No such table.'
    """
    cut = text.split("Stack trace:")[0].removeprefix("DB::Exception: ").strip()
    return cut if len(cut) <= 500 else cut[:500] + "..."
