"""``events kafka replay``: a range of a partition is read once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from include.commands.events.kafka.broker import settings_with_broker
from include.commands.terminal import JsonOption, guarded, show, shown_progress
from include.events.kafka.blocks import Range
from include.events.kafka.replaying import replay_range
from include.services.stores import open_stores

PartitionOption = Annotated[int, typer.Option("--partition", min=0, help="Number of the partition.")]
FromOption = Annotated[int, typer.Option("--from", min=0, help="First offset to read.")]
ToOption = Annotated[int, typer.Option("--to", min=1, help="Offset to stop at; it is not read itself.")]


@guarded
def replay(partition: PartitionOption, first: FromOption, end: ToOption, as_json: JsonOption = False) -> None:
    """Read a range of offsets once more: what is known stays as it is, what is missing is taken in.

    Args:
        partition: number of the partition.
        first: first offset.
        end: offset to stop at.
        as_json: print one line of JSON.
    """
    settings = settings_with_broker()
    wanted = Range(partition, first, end)
    with shown_progress() as progress:
        taken = replay_range(open_stores(settings).state, settings.intake, wanted, progress=progress)
    show(asdict(taken), as_json=as_json, title=f"Offsets {first} to {end} of partition {partition}, read again")
