"""The served ClickHouse: the one module that imports chdb, and only as a process of its own.

Run as ``python -m include.services.engines.clickhouse_server <data folder>`` inside the folder that holds
``config.xml`` and ``users.xml``. The call below blocks for as long as the server lives; SIGTERM ends it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

PARENT_POLL_SECONDS = 0.2
STOP_SECONDS = 10.0
# The last statement never ends by itself, needs no right beyond the listeners' and idles at 0 % CPU.
# TabSeparated becomes the default format of the HTTP port.
SERVE_SQL = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT sleepEachRow(3) FROM numbers(1000000000) SETTINGS max_block_size=1, max_threads=1 FORMAT Null"
)
OUTPUT_FORMAT = "TabSeparated"


def end_with_parent(parent_pid: int) -> None:
    """Watch the parent and end this process when it is gone.

    Args:
        parent_pid: process that started this one.
    """
    while os.getppid() == parent_pid:
        time.sleep(PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def serve(data_folder: str) -> None:
    """Run the server until it is stopped.

    Args:
        data_folder: where it keeps its tables.

    Raises:
        SystemExit: always; with a sentence when the server ended by itself.
    """
    # A handler written in Python, such as a measuring tool's, would never run while the call below blocks.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        from chdb import _chdb  # not a public interface: pinned in requirements.in

        program: Any = _chdb
        query = program.query
    except (ImportError, AttributeError) as error:
        raise SystemExit(
            f"The installed chdb-core cannot serve ClickHouse ({error}); "
            "install the pinned chdb-core>=26.7,<27, or set CLICKHOUSE_URL."
        ) from error
    query(SERVE_SQL, OUTPUT_FORMAT, path=data_folder)
    raise SystemExit("ClickHouse ended by itself; the lines above say why.")


if __name__ == "__main__":
    serve(sys.argv[1])
