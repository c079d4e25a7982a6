"""The day's records as they were sealed, and where the manifest no longer says the same."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from include.provenance.day_checks.findings import Checked, Finding
from include.state.manifest import StageRecord, read_stages
from include.state.seals import DaySeal, read_seal
from include.warehouse.narrowing import Narrowing

MANIFEST, SEALS = "day_stages", "day_seals"
MANIFEST_ADVICE = "Somebody edited the manifest; run the stage again, or restore the row from a backup."
SEAL_ADVICE = "Somebody edited the seal; run the stages of the day again."


@dataclass(frozen=True)
class SealedDay:
    """The stages of one counter-day as far as they can be trusted.

    Attributes:
        counter_id: the counter.
        day: the day.
        records: record by stage, as sealed; as the manifest has it where no seal covers it.
        narrowing: digests of parts of the rows, by stage.
        checked: where manifest and seal differ.
        unsealed: stages written by a version that did not seal days.
        digest: the seal's digest; empty without a seal.
    """

    counter_id: int
    day: dt.date
    records: Mapping[str, StageRecord]
    narrowing: Mapping[str, Narrowing]
    checked: Checked
    unsealed: tuple[str, ...]
    digest: str


def read_sealed_day(connection: Connection, counter_id: int, day: dt.date) -> SealedDay:
    """Read the manifest of a day and hold it against the day's seal.

    Args:
        connection: open connection.
        counter_id: the counter.
        day: the day.

    Returns:
        The sealed records and what differs.
    """
    written = {record.stage: record for record in read_stages(connection, counter_id, [day])}
    seal = read_seal(connection, counter_id, day)
    if seal is None:
        return SealedDay(counter_id, day, written, {}, Checked(), tuple(written), "")
    if not seal.is_whole:
        return SealedDay(counter_id, day, written, {}, _broken_seal(seal, written), (), seal.digest)
    sealed = {stage: StageRecord.from_json(counter_id, day, stage, values) for stage, values in seal.stages.items()}
    return SealedDay(
        counter_id,
        day,
        {**written, **sealed},
        {stage: Narrowing.from_dict(values) for stage, values in seal.narrowing.items()},
        Checked.of(finding for stage in sealed for finding in _edited(stage, written.get(stage), sealed[stage])),
        tuple(stage for stage in written if stage not in sealed),
        seal.digest,
    )


def _edited(stage: str, written: StageRecord | None, sealed: StageRecord) -> Iterator[Finding]:
    if written is None:
        yield Finding(stage, MANIFEST, f"stage {stage}", "", "no row", "one row", MANIFEST_ADVICE)
        return
    for column, stored, derived in _differences(written.as_json(), sealed.as_json()):
        yield Finding(stage, MANIFEST, f"stage {stage}", column, stored, derived, MANIFEST_ADVICE)


def _broken_seal(seal: DaySeal, written: Mapping[str, StageRecord]) -> Checked:
    found = [
        Finding(stage, SEALS, f"stage {stage}", column, stored, derived, SEAL_ADVICE)
        for stage, values in seal.stages.items()
        if stage in written
        for column, stored, derived in _differences(values, written[stage].as_json())
    ]
    whole = Finding("visits", SEALS, "", "digest", seal.digest, "the digest of its own contents", SEAL_ADVICE)
    return Checked.of(found or [whole])


def _differences(stored: Mapping[str, Any], sealed: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    ours, theirs = dict(_leaves(stored)), dict(_leaves(sealed))
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            yield name, ours.get(name, "nothing"), theirs.get(name, "nothing")


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its dotted name, as text."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)
