"""What ClickHouse refuses, as one sentence."""

from __future__ import annotations

from include.errors import RowsRefused, StoreError, StoreUnavailable

TOO_SLOW, TOO_BUSY = 159, (202, 241)  # over max_execution_time; too many queries at once, no memory left for one

# What is wrong with the rows themselves: texts, numbers, arrays, times and ids that cannot be read, damaged gzip. Every
# other code is about the server (disk, memory, replicas) or the statement, and the same rows may pass later.
UNREADABLE = (6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 354, 376)


def rows_refused(code: int, text: str) -> StoreError:
    """Turn ClickHouse's answer to a stream of rows into an error of ours.

    Args:
        code: ClickHouse error code.
        text: its message; what it quotes of the rows is left out.

    Returns:
        The error to raise; RowsRefused when the rows are at fault.
    """
    if code not in UNREADABLE:
        return refused(code, text)
    return RowsRefused(f"ClickHouse refused rows (code {code}): {first_sentence(_without_rows(text))}")


def _without_rows(text: str) -> str:
    """Rows are people's data: nothing of them belongs into logs.

    >>> _without_rows("Cannot parse input: expected 'x' before: 'her name': (at row 3)")
    "Cannot parse input: expected 'x'"
    """
    return text.split("\n")[0].split(" before: ")[0].removesuffix(": ").strip()


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
