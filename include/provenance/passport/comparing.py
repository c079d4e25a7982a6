"""Stored against derived, field by field, float by float: what does not follow from the stored data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from include.conversions.rules.file import batch_comment
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.statuses import DONE, FAILED_LINKAGE, stage_of
from include.provenance.passport.cases import Evidence, LedgerRow, Mismatch
from include.provenance.passport.deriving import DerivedVisit
from include.provenance.passport.files_again import FileAgain
from include.visits.deciding.decision import MODEL, RULE
from include.visits.tables import VISIT_FEATURES

NOBODY = "none"  # decided_by of a visit that is not level 4+
KEY = ("counter_id", "date", "visit_id")
# Columns that scores repeat from the features.
REPEATED = ("client_id", "started_at", "duration_seconds", "page_views", "device_category")


def mismatches_of(
    evidence: Evidence, derived: DerivedVisit | None, file: FileAgain | None, *, holds: str | None = None
) -> list[Mismatch]:
    """Compare a case with what was derived again.

    Args:
        evidence: everything stored about the case.
        derived: its visit measured and decided again; None for a single conversion or a visit that is gone.
        file: its file rebuilt; None when it is in none.
        holds: why its row has to be held, derived again; None when it is not held.

    Returns:
        Every field that differs; empty when all of it follows from the stored data.
    """
    found: list[Mismatch] = []
    if evidence.case.visit_id:
        found += _manifest(evidence)
        found += _visit(evidence, derived or DerivedVisit())
    if evidence.row is not None:
        found += _row(evidence, evidence.row, derived)
        found += _held(evidence.row, holds)
        found += _batch(evidence, evidence.row, file)
    return found


def _differ(field: str, stored: Any, derived: Any) -> Iterator[Mismatch]:
    if stored != derived:
        yield Mismatch(field, stored, derived)


def _manifest(evidence: Evidence) -> Iterator[Mismatch]:
    """Runs, times, digests and models of the day's stages, against the copies in the day's seal."""
    for stage, sealed in evidence.sealed.items():
        written, record = sealed.as_json(), evidence.stages.get(stage)
        stored = record.as_json() if record else {}
        for name, value in written.items():
            yield from _differ(f"manifest.{stage}.{name}", _short(stored.get(name)), _short(value))


def _short(value: Any) -> Any:
    """Blocks of JSON as one text, so that they can be shown side by side."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _visit(evidence: Evidence, derived: DerivedVisit) -> Iterator[Mismatch]:
    is_scored = evidence.features is not None or evidence.score is not None
    if derived.features is None:
        has_left = evidence.row is not None and evidence.row.is_withdrawn and not is_scored
        if not has_left:  # Metrika may take a visit back; then its row is withdrawn and its scores are gone with it
            yield Mismatch("visit.visit_id", evidence.case.visit_id, None)
        return
    if not is_scored:
        return
    names = [column.name for column in VISIT_FEATURES.columns if column.name not in KEY]
    for name in names:
        stored = None if evidence.features is None else evidence.features[name]
        yield from _differ(f"features.{name}", stored, derived.features[name])
    yield from _decision(evidence, derived, derived.features)


def _decision(evidence: Evidence, derived: DerivedVisit, features: Any) -> Iterator[Mismatch]:
    score = evidence.score or {}
    for name in REPEATED:
        yield from _differ(f"scores.{name}", score.get(name), features[name])
    yield from _model(evidence, derived)
    if derived.reason is None:
        return  # the model's own mismatches say why
    yield from _differ("decision.reason", score.get("reason"), derived.reason)
    level4 = None if "is_level4" not in score else bool(score["is_level4"])
    yield from _differ("decision.level4", level4, derived.is_level4)
    decided_by = derived.reason if derived.reason in (RULE, MODEL) else NOBODY
    yield from _differ("decision.decided_by", score.get("decided_by"), decided_by)


def _model(evidence: Evidence, derived: DerivedVisit) -> Iterator[Mismatch]:
    score, model, registered = evidence.score or {}, derived.model, evidence.model
    yield from _differ("model.name", score.get("model_name", ""), model.name if model else "")
    yield from _differ("model.version", score.get("model_version", ""), model.version if model else "")
    yield from _differ("model.probability", score.get("score"), derived.probability)
    yield from _differ("model.threshold", score.get("threshold"), model.threshold if model else None)
    if model is None:
        return
    yield from _differ("model.sha256", model.sha256, model.found_sha256)
    if model.threshold is not None and registered is not None:
        yield from _differ("model.registered_threshold", registered.threshold, model.threshold)
    if registered is None:
        yield Mismatch("model.registered_threshold", None, model.threshold)
    else:
        yield from _differ("model.registered_sha256", registered.sha256, model.sha256)


def _row(evidence: Evidence, row: LedgerRow, derived: DerivedVisit | None) -> Iterator[Mismatch]:
    yield from _differ("row.day", row.day, row.event_at.astimezone(evidence.zone).date())
    if row.is_single or derived is None or derived.features is None:
        return
    features = derived.features
    if not row.is_withdrawn:
        yield from _differ("row.identifier", row.identifier, str(features["client_id"]))
        yield from _differ("row.date_time", row.event_at, features["started_at"])
        yield from _differ("row.price", row.price, None)
        yield from _differ("row.currency", row.currency, "")
        yield from _differ("row.identifier_kind", row.identifier_kind, IdentifierKind.CLIENT_ID.value)
    if _is_current(evidence) and derived.is_level4 is not None:
        # The visit may have moved on under a key of its own; a standing row with another key is named above.
        is_moved = (row.identifier, row.event_at) != (str(features["client_id"]), features["started_at"])
        stands = derived.is_level4 and not (row.is_withdrawn and is_moved)
        yield from _differ("row.is_withdrawn", row.is_withdrawn, not stands)


def _is_current(evidence: Evidence) -> bool:
    """Whether the ledger was last brought in line with these very scores, for this goal."""
    scores, upload = evidence.stages.get("scores"), evidence.stages.get("upload")
    if scores is None or upload is None or evidence.row is None:
        return False
    return upload.input_digest == scores.digest and upload.details.get("target") == evidence.row.target


def _held(row: LedgerRow, holds: str | None) -> Iterator[Mismatch]:
    if holds is not None:
        yield from _differ("row.held_reason", row.held_reason, holds)


def _batch(evidence: Evidence, row: LedgerRow, file: FileAgain | None) -> Iterator[Mismatch]:
    upload = evidence.upload
    if upload is None:
        if row.upload_id is not None:
            yield Mismatch("batch.upload_id", row.upload_id, None)
        return
    yield from _differ("batch.target", upload.target, row.target)
    yield from _differ("batch.counter", upload.counter_id, row.counter_id)
    yield from _differ("batch.identifier_kind", upload.identifier_kind, row.identifier_kind)
    comment = batch_comment(upload.counter_id, upload.target, upload.kind, upload.file_sha256, upload.attempt)
    yield from _differ("batch.comment", upload.comment, comment)
    if upload.stage in (DONE, FAILED_LINKAGE):
        yield from _differ("batch.stage", upload.stage, stage_of(upload.metrika_status))
    if file is None or file.file_sha256 is None:
        return
    yield from _differ("batch.rows", upload.row_count, file.row_count)
    yield from _differ("batch.line", row.line_number, file.lines.get(row.conversion_id))
    yield from _differ("batch.file_sha256", upload.file_sha256, file.file_sha256)
    offset = 0 if row.is_single else file.offset_seconds
    yield from _differ("row.epoch", row.sent_epoch_seconds, int(row.event_at.timestamp()) + offset)
