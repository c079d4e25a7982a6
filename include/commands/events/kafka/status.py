"""``events kafka status``: how far the topic has been read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from include.commands.events.kafka.broker import settings_with_broker
from include.commands.tables import print_rows
from include.commands.terminal import JsonOption, guarded, show
from include.events.kafka.status import PartitionStatus, ask_status
from include.services.stores import open_stores


@guarded
def status(as_json: JsonOption = False) -> None:
    """Show per partition the next offset to read, the end, and the lag.

    Args:
        as_json: print one line of JSON.
    """
    settings = settings_with_broker()
    found = ask_status(open_stores(settings).state, settings.intake.kafka)
    summary: dict[str, Any] = {"topic": found.topic, "lag": found.lag, "lost": found.lost_count}
    if found.trouble or as_json:
        summary["trouble"] = found.trouble
    if as_json:
        show({**summary, "partitions": [asdict(one) for one in found.partitions]}, as_json=True, title="")
        return
    show(summary, as_json=False, title="Kafka")
    if found.partitions:
        print_rows("Partitions", [_row(one) for one in found.partitions])


def _row(one: PartitionStatus) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "next_offset": "never read" if one.next_offset is None else one.next_offset,
        "oldest": "unknown" if one.begin is None else one.begin,
        "end": one.end,
        "lag": one.lag,
        "lost": one.lost_count,
        "begun_again": one.restart_count,
        "looked_at": f"{one.read_at:%Y-%m-%d %H:%M:%S}" if one.read_at else "never",
    }
