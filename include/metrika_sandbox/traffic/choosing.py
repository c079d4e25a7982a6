"""Chooses where the traffic comes from."""

from __future__ import annotations

from collections.abc import Callable

from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.traffic.file_traffic import FileTraffic
from include.metrika_sandbox.traffic.seeded import SeededTraffic
from include.metrika_sandbox.traffic.source import TrafficSource


def open_traffic(config: SandboxConfig, faults: Callable[[], Faults]) -> TrafficSource:
    """Open the traffic the settings ask for.

    Args:
        config: names the files, or the seed.
        faults: gives the switches in force now.

    Returns:
        The source.

    Raises:
        ConfigError: a file is missing or lacks its key columns.
    """
    if config.visits_file is not None or config.hits_file is not None:
        return FileTraffic.read(config.visits_file, config.hits_file, config.counters[0].zone)
    return SeededTraffic(config, faults)
