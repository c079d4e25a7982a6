"""Keeping the collector of garbage from stopping the process while batches come in."""

from __future__ import annotations

import gc
import threading

_settling = threading.Lock()
_settled: list[bool] = []


def settle_heap() -> None:
    """Take everything that is alive now out of the collector's rounds; does so once per process.

    Airflow's API server holds some hundred thousand objects that live as long as it does. Each full round over them
    stops every thread for 0.15 s and more, and a batch of 500 events brings the next round nearer: one batch in
    seventy waited for one.
    """
    with _settling:
        if not _settled:
            gc.collect()
            gc.freeze()
            _settled.append(True)
