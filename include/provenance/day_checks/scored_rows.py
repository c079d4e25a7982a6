"""Features, scores, models and the exported list of a day against a new derivation.

Where several things differ, the first cause is blamed: changed raw rows explain other features, changed features
explain other decisions. What stands as it was sealed is never blamed for what stands before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from include.provenance.day_checks.findings import NOTHING, Checked, Finding, cells_found
from include.state.manifest import StageRecord
from include.visits.scoring.export import export_path, write_export
from include.visits.scoring.recheck import Recheck
from include.visits.scoring.scored_models import ScoredModels
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_swap import day_digest

STAGE = "scores"
RESCORE = "Score the day again: python -m include score --date {day} --counter {counter_id}."
CODE_ADVICE = "The stored rows are those that were sealed; the code or its parameters derive others now. " + RESCORE


@dataclass(frozen=True)
class ScoresState:
    """How the scored tables stand.

    Attributes:
        features_sealed: the stored features are those the day was sealed with.
        scores_sealed: the stored scores are.
        is_behind: the day was loaded again since it was scored.
        rows_trusted: what the features are measured from is as sealed, and what was scored.
    """

    features_sealed: bool
    scores_sealed: bool
    is_behind: bool
    rows_trusted: bool


def read_scores_state(
    warehouse: Warehouse, record: StageRecord, *, inputs: dict[str, str], rows_sealed: bool
) -> ScoresState:
    """Compare the scored tables with the record of scores.

    Args:
        warehouse: the warehouse.
        record: the sealed record of scores.
        inputs: digest of each input as sealed now, by ``<stage> <day>``.
        rows_sealed: the raw rows are as sealed.

    Returns:
        How they stand.
    """
    counter_id, day = record.counter_id, record.day
    is_behind = dict(record.details["inputs"]) != inputs
    return ScoresState(
        features_sealed=day_digest(warehouse, VISIT_FEATURES.name, counter_id, day)
        == record.details["features_digest"],
        scores_sealed=day_digest(warehouse, VISIT_SCORES.name, counter_id, day) == record.digest,
        is_behind=is_behind,
        rows_trusted=rows_sealed and not is_behind,
    )


def check_models(models: ScoredModels) -> Checked:
    """Turn the faults of models into findings.

    Args:
        models: the models of the day.

    Returns:
        The check.
    """
    advice = "Import the original model again, or restore the registry from a backup."
    return Checked.of(
        Finding(STAGE, fault.place, fault.label, fault.column, fault.stored, fault.derived, advice)
        for fault in models.faults
    )


def check_scored(record: StageRecord, state: ScoresState, recheck: Recheck) -> Checked:
    """Say what differs in features and scores, each blamed for itself only.

    Args:
        record: the sealed record of scores.
        state: how the tables stand.
        recheck: the day derived again.

    Returns:
        The findings.
    """
    where = {"day": record.day, "counter_id": record.counter_id}
    changed, other_code = RESCORE.format(**where), CODE_ADVICE.format(**where)
    found = NOTHING
    if not state.features_sealed:
        found += cells_found(STAGE, VISIT_FEATURES.name, recheck.features, changed) or _unnamed(VISIT_FEATURES.name)
    elif state.rows_trusted:
        found += cells_found(STAGE, VISIT_FEATURES.name, recheck.features, other_code)
    basis_holds = state.rows_trusted or state.features_sealed
    if not state.scores_sealed:
        found += cells_found(STAGE, VISIT_SCORES.name, recheck.scores, changed) or _unnamed(VISIT_SCORES.name)
    elif basis_holds and not (state.rows_trusted and recheck.features.row_count):
        found += cells_found(STAGE, VISIT_SCORES.name, recheck.scores, other_code)
    return found + cells_found(STAGE, "the two writings of the rule", recheck.writings, other_code)


def _unnamed(table: str) -> Checked:
    """Rows differ from their digest, yet they are what comes out: the digest is older than the rows."""
    advice = "The rows are what is derived today; score the day again to seal them."
    return Checked.of([Finding(STAGE, table, "", "digest", "that of other rows", "the sealed one", advice)])


def check_export(
    warehouse: Warehouse, exports_dir: Path, record: StageRecord, zone: ZoneInfo, *, scores_table: str
) -> Checked | None:
    """Make the list of level 4+ visits again and compare it byte by byte.

    Args:
        warehouse: the warehouse.
        exports_dir: folder of the lists.
        record: the sealed record of scores.
        zone: the counter's zone.
        scores_table: table to make it from.

    Returns:
        The check; None when there is no list to compare.
    """
    counter_id, day = record.counter_id, record.day
    path = export_path(exports_dir, counter_id, day)
    if not path.is_file():
        return None
    with TemporaryDirectory(prefix="counterflow-verify-") as folder:
        again = write_export(
            warehouse, Path(folder), counter_id=counter_id, day=day, zone=zone, scores_table=scores_table
        )
        stored, derived = path.read_bytes(), again.read_bytes()
    if stored == derived:
        return NOTHING
    advice = RESCORE.format(day=day, counter_id=counter_id)
    return Checked.of(_differences(path, stored, derived, advice))


def _differences(path: Path, stored: bytes, derived: bytes, advice: str) -> Iterator[Finding]:
    """By visit where the list can be read, by line and byte where it cannot."""
    ours, theirs = _visits(stored), _visits(derived)
    if ours is None or theirs is None or ours == theirs:
        yield from _lines_found(path, stored, derived, advice)
        return
    for visit in sorted({*ours, *theirs}):
        old, new = ours.get(visit), theirs.get(visit)
        if old is None or new is None:
            words = ["no row" if row is None else "one row" for row in (old, new)]
            yield Finding(STAGE, str(path), f"visit {visit}", "", words[0], words[1], advice)
            continue
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield Finding(STAGE, str(path), f"visit {visit}", name, str(old.get(name)), str(new.get(name)), advice)


def _visits(data: bytes) -> dict[str, dict[str, Any]] | None:
    """Rows of a list by visit id; None when the list is damaged or names a visit twice."""
    try:
        rows = json.loads(data)
        found = {str(row["visitId"]): dict(row) for row in rows}
    except (ValueError, TypeError, KeyError):
        return None
    return found if len(found) == len(rows) else None


def _lines_found(path: Path, stored: bytes, derived: bytes, advice: str) -> Iterator[Finding]:
    pairs = zip_longest(stored.split(b"\n"), derived.split(b"\n"))
    for number, (ours, theirs) in enumerate(pairs, start=1):
        if ours != theirs:
            place = f"byte {_first_byte(ours or b'', theirs or b'')}"
            yield Finding(STAGE, str(path), f"line {number}", place, _shown(ours), _shown(theirs), advice)


def _shown(line: bytes | None) -> str:
    return "no line" if line is None else repr(line.decode("utf-8", "replace"))


def _first_byte(ours: bytes, theirs: bytes) -> int:
    """Where two lines part, counted from 1."""
    same = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    return (min(len(ours), len(theirs)) if same is None else same) + 1


def zone_of_record(record: StageRecord, known: ZoneInfo) -> ZoneInfo:
    """The zone a day was scored in.

    Args:
        record: the record of scores.
        known: the counter's zone as known now, for records that do not name one.

    Returns:
        The zone.
    """
    name = record.details.get("time_zone")
    return ZoneInfo(name) if name else known
