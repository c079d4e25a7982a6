"""What a supervisor needs to know about one process it owns."""

from __future__ import annotations

import signal
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """One process of a group.

    Attributes:
        name: short name, also the stem of its log file.
        argv: program and arguments.
        folder: working folder.
        log: file that takes its output.
        environ: its whole environment; never logged.
        user_id: user to become before the program starts; None stays.
        group_id: group to become; None stays.
        stop_signal: the polite request to end.
        stop_seconds: how long it may take before SIGKILL.
        death_signal: what the kernel sends it when the supervisor dies (Linux).
        stop_rank: parts of the highest rank are stopped first, those of one rank together.
        ping_url: address that answers while it is healthy; empty means no probe.
    """

    name: str
    argv: tuple[str, ...]
    folder: str
    log: str
    environ: dict[str, str] = field(repr=False)
    user_id: int | None = None
    group_id: int | None = None
    stop_signal: int = int(signal.SIGTERM)
    stop_seconds: float = 10.0
    death_signal: int = int(signal.SIGTERM)
    stop_rank: int = 0
    ping_url: str = ""

    def to_record(self) -> dict[str, Any]:
        """Give the part as JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Part:
        """Read a part back from JSON.

        Args:
            record: what :meth:`to_record` made.

        Returns:
            The part.
        """
        return cls(**{**record, "argv": tuple(record["argv"])})
