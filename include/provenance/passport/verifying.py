"""Passports: read, and on demand derived again; one at a time, or a thousand random ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine

from include.progress import Progress, no_progress
from include.provenance.passport.cases import Case, Evidence, Mismatch
from include.provenance.passport.comparing import mismatches_of
from include.provenance.passport.deriving import derive_visits
from include.provenance.passport.files_again import rebuild_files
from include.provenance.passport.holding_again import hold_again
from include.provenance.passport.ledger_rows import random_rows
from include.provenance.passport.reading import read_evidence
from include.provenance.passport.shapes import passport_of
from include.state.engine import reachable
from include.state.tables import conversions
from include.warehouse.client import Warehouse

BLOCK_CASES = 1_000  # their ids stay well under the longest statement ClickHouse takes


@dataclass(frozen=True)
class Sample:
    """Which rows of the ledger are drawn.

    Attributes:
        count: how many; all when there are fewer.
        seed: the same seed draws the same rows of the same ledger.
        first_day: only from this local day on.
        last_day: only to this local day.
        counter_id: only of this counter.
        target: only of this goal.
    """

    count: int
    seed: int = 0
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    counter_id: int | None = None
    target: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the rows have in common."""
        c, found = conversions.c, list[ColumnElement[bool]]()
        if self.first_day is not None:
            found.append(c.day >= self.first_day)
        if self.last_day is not None:
            found.append(c.day <= self.last_day)
        if self.counter_id is not None:
            found.append(c.counter_id == self.counter_id)
        if self.target is not None:
            found.append(c.target == self.target)
        return found


@dataclass(frozen=True)
class SampleReport:
    """What verifying a sample showed.

    Attributes:
        rows: rows derived again.
        agree: of them, those of which every field came out the same.
        differing: the others, with what differs.
    """

    rows: int
    agree: int
    differing: tuple[tuple[Case, tuple[Mismatch, ...]], ...]


def read_passport(warehouse: Warehouse, state: Engine, case: Case, *, models_dir: Path | None = None) -> dict[str, Any]:
    """Read the passport of a case, and derive it again when asked.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        case: the case.
        models_dir: folder of model artefacts; None does not derive.

    Returns:
        The passport as JSON-able values.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    evidences = read_evidence(warehouse, state, [case])
    if models_dir is None:
        return passport_of(evidences[0])
    return passport_of(evidences[0], verify_day_cases(warehouse, state, evidences, models_dir)[0])


def verify_sample(
    warehouse: Warehouse, state: Engine, sample: Sample, models_dir: Path, progress: Progress = no_progress
) -> SampleReport:
    """Derive random rows of the ledger again.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        sample: which rows.
        models_dir: folder of model artefacts.
        progress: told after each block.

    Returns:
        How many agree, and what differs in the others.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    with reachable(state), state.connect() as connection:
        rows = random_rows(connection, *sample.conditions(), count=sample.count, seed=sample.seed)
    cases = [Case(row.counter_id, row.day, row.visit_id, row) for row in rows]
    done, differing = 0, list[tuple[Case, tuple[Mismatch, ...]]]()
    for block in _blocks(cases):
        evidences = read_evidence(warehouse, state, block, with_hits=False)
        for case, found in zip(block, verify_day_cases(warehouse, state, evidences, models_dir), strict=True):
            if found:
                differing.append((case, tuple(found)))
        done += len(block)
        progress("deriving again", done, len(cases))
    return SampleReport(len(cases), len(cases) - len(differing), tuple(differing))


def verify_day_cases(
    warehouse: Warehouse, state: Engine, evidences: Sequence[Evidence], models_dir: Path
) -> list[list[Mismatch]]:
    """Derive everything about cases of one counter-day again and compare.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        evidences: at least one, all of the same counter and day.
        models_dir: folder of model artefacts.

    Returns:
        What differs, in the order of the evidence.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    visits = derive_visits(warehouse, state, evidences, models_dir)
    files, held = rebuild_files(state, evidences), hold_again(state, evidences)
    return [
        mismatches_of(
            one,
            visits.get(one.case.visit_id),
            files.get(one.upload.upload_id) if one.upload else None,
            holds=held.get(one.row.conversion_id) if one.row else None,
        )
        for one in evidences
    ]


def _blocks(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Cases of one counter-day at a time."""

    def key(case: Case) -> tuple[int, dt.date]:
        """The counter-day."""
        return case.counter_id, case.day

    for _, group in groupby(sorted(cases, key=key), key):
        block = list(group)
        for start in range(0, len(block), BLOCK_CASES):
            yield block[start : start + BLOCK_CASES]
