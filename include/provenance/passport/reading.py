"""Reading everything stored about some cases of one counter-day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select

from include.conversions.ledger.uploads import Upload, read_uploads
from include.errors import ModelError
from include.provenance.passport.cases import Case, Evidence
from include.provenance.passport.ledger_rows import zone_of_counter
from include.provenance.passport.stored_rows import Rows, StoredRows, read_stored
from include.registry.versions import ModelVersion, find_row
from include.state.engine import reachable
from include.state.manifest import StageRecord, read_stages
from include.state.seals import read_seal
from include.state.tables import model_promotions, upload_blocks
from include.warehouse.client import Warehouse

NEXT_HITS = "next_hits"
ModelKey = tuple[str, str]


@dataclass(frozen=True)
class DayFacts:
    """What PostgreSQL knows of a counter-day.

    Attributes:
        zone: the counter's zone.
        stages: records by stage.
        blocked_by: why its uploads wait for a person, or an empty text.
        uploads: files by our id.
        models: registered versions by name and version.
        promoted_at: by name and version, when it went into production before the day was scored.
        sealed: records by stage, as the seal of the day has them.
    """

    zone: ZoneInfo
    stages: Mapping[str, StageRecord]
    blocked_by: str
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    models: Mapping[ModelKey, ModelVersion] = field(default_factory=dict)
    promoted_at: Mapping[ModelKey, dt.datetime] = field(default_factory=dict)
    sealed: Mapping[str, StageRecord] = field(default_factory=dict)


def read_evidence(
    warehouse: Warehouse, state: Engine, cases: Sequence[Case], *, with_hits: bool = True
) -> list[Evidence]:
    """Read everything stored about cases of one counter-day.

    Args:
        warehouse: the warehouse.
        state: the state engine.
        cases: at least one, all of the same counter and day.
        with_hits: read their hits as well.

    Returns:
        The evidence, in the order of the cases.

    Raises:
        StoreUnavailable: a store cannot be reached.
    """
    counter_id, day = cases[0].counter_id, cases[0].day
    visit_ids = {case.visit_id for case in cases if case.visit_id}
    stored = read_stored(warehouse, counter_id, day, visit_ids, with_hits=with_hits)
    with reachable(state), state.connect() as connection:
        facts = _facts(connection, cases, stored.scores)
    return [_evidence(case, stored, facts) for case in cases]


def _evidence(case: Case, stored: StoredRows, facts: DayFacts) -> Evidence:
    score = stored.scores.get(case.visit_id)
    asked = (score["model_name"], score["model_version"]) if score else ("", "")
    return Evidence(
        case=case,
        zone=facts.zone,
        upload=facts.uploads.get(case.row.upload_id or "") if case.row else None,
        visit=stored.visits.get(case.visit_id),
        hits=stored.hits.get(case.visit_id, ()),
        features=stored.features.get(case.visit_id),
        score=score,
        model=facts.models.get(asked),
        promoted_at=facts.promoted_at.get(asked),
        stages=facts.stages,
        sealed=facts.sealed,
        blocked_by=facts.blocked_by,
    )


def _facts(connection: Connection, cases: Sequence[Case], scores: Rows) -> DayFacts:
    counter_id, day = cases[0].counter_id, cases[0].day
    next_day = day + dt.timedelta(days=1)
    records = read_stages(connection, counter_id, [day, next_day])
    stages = {record.stage: record for record in records if record.day == day}
    stages |= {f"next_{record.stage}": record for record in records if record.day == next_day}
    wanted = {case.row.upload_id for case in cases if case.row and case.row.upload_id}
    models = _models(connection, scores)
    return DayFacts(
        zone=zone_of_counter(connection, counter_id),
        stages=stages,
        blocked_by=_blocked_by(connection, counter_id, day),
        uploads={upload.upload_id: upload for upload in read_uploads(connection, wanted)} if wanted else {},
        models=models,
        promoted_at=_promotions(connection, models, stages.get("scores")),
        sealed=_sealed(connection, counter_id, day),
    )


def _sealed(connection: Connection, counter_id: int, day: dt.date) -> dict[str, StageRecord]:
    seal = read_seal(connection, counter_id, day)
    if seal is None or not seal.is_whole:
        return {}  # verify-day says so of a broken one
    return {stage: StageRecord.from_json(counter_id, day, stage, values) for stage, values in seal.stages.items()}


def _promotions(
    connection: Connection, models: Iterable[ModelKey], scores: StageRecord | None
) -> dict[ModelKey, dt.datetime]:
    if scores is None:
        return {}
    c, found = model_promotions.c, {}
    for name, version in models:
        at = select(func.max(c.promoted_at)).where(
            c.name == name, c.version == version, c.promoted_at <= scores.finished_at
        )
        promoted_at = connection.execute(at).scalar()
        if promoted_at is not None:
            found[name, version] = promoted_at
    return found


def _blocked_by(connection: Connection, counter_id: int, day: dt.date) -> str:
    b = upload_blocks.c
    query = select(b.cause).where(b.counter_id == counter_id, b.day == day, b.released_at.is_(None)).order_by(b.cause)
    return ", ".join(connection.execute(query).scalars())


def _models(connection: Connection, scores: Rows) -> dict[ModelKey, ModelVersion]:
    asked = {(row["model_name"], row["model_version"]) for row in scores.values() if row["model_version"]}
    found = {}
    for name, version in asked:
        try:
            found[name, version] = find_row(connection, name, version)
        except ModelError:
            continue  # a version that is gone is told by its absence
    return found
