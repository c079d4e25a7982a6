"""The checks of one day in order, and how its stages stand after them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine

from include.conversions.upload_day import UPLOAD_CODE
from include.metrika.loading.day_records import LOAD_CODE
from include.progress import Progress
from include.provenance.conservation import Balance, balance_day
from include.provenance.day_checks.findings import NOTHING, Checked
from include.provenance.day_checks.raw_rows import RawState, check_quarantine_rows, check_raw, read_raw_state
from include.provenance.day_checks.scored_rows import (
    check_export,
    check_models,
    check_scored,
    read_scores_state,
    zone_of_record,
)
from include.provenance.day_checks.sealed_day import SealedDay, read_sealed_day
from include.provenance.day_checks.sent_rows import check_files, check_ledger, read_sent_day
from include.provenance.day_checks.verdicts import BEHIND, DIFFERS, HOLDS, MISSING, STAGES, StageVerdict
from include.state.code_version import code_version
from include.state.counters import read_counter
from include.state.manifest import StageRecord
from include.visits.scoring.export import export_path
from include.visits.scoring.recheck import rechecked_day
from include.visits.scoring.score_inputs import SCORING_CODE, scoring_parameters
from include.visits.scoring.scored_models import find_scored_models
from include.visits.tables import VISIT_SCORES
from include.warehouse.client import Warehouse
from include.warehouse.day_comparing import NO_DIFFERENCES, DayDifferences

CODE = {"visits": LOAD_CODE, "hits": LOAD_CODE, "scores": SCORING_CODE, "upload": UPLOAD_CODE}
COMMANDS = {"visits": "load", "hits": "load", "scores": "score", "upload": "conversions upload"}


@dataclass
class Verification:
    """One verification: raw rows first, then what was made of them, each blamed for itself only.

    Attributes:
        warehouse: the warehouse.
        state: the state engine.
        connection: connection to the state in one snapshot.
        sealed: the sealed records of the day.
        exports_dir: folder of the lists of level 4+ visits.
        models_dir: folder of model artefacts.
        progress: told between the steps.
        notes: sentences about what is no difference but worth knowing.
        found: findings by stage.
        behind: stages made before an earlier stage ran again.
    """

    warehouse: Warehouse
    state: Engine
    connection: Connection
    sealed: SealedDay
    exports_dir: Path
    models_dir: Path
    progress: Progress
    notes: list[str] = field(default_factory=list)
    found: dict[str, Checked] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)

    def run(self) -> tuple[StageVerdict, ...]:
        """Run every check."""
        self.found = dict.fromkeys(STAGES, NOTHING)
        for finding in self.sealed.checked.findings:
            self._add(finding.stage, Checked.of([finding]))
        self._note_versions()
        raw = self._raw_states()
        self.progress("raw rows compared", 0, 0)
        if "scores" in self.sealed.records:
            self._check_scores(self.sealed.records["scores"], raw)
        else:
            self._check_raw(raw, features_sealed=False)
        return tuple(self._verdict(stage) for stage in STAGES)

    def balances(self) -> tuple[Balance, ...]:
        """The balances of the stages that have run."""
        self.progress("balancing", 0, 0)
        current = "upload" not in self.behind
        return tuple(balance_day(self.warehouse, self.connection, self.sealed.records, scores_current=current))

    def _add(self, stage: str, checked: Checked) -> None:
        self.found[stage] += checked

    def _raw_states(self) -> list[RawState]:
        """Visits and hits of the day, and the hits of the next day that its visits over midnight reach into."""
        states = [
            read_raw_state(self.warehouse, self.sealed, source)
            for source in ("visits", "hits")
            if source in self.sealed.records
        ]
        following = read_sealed_day(self.connection, self.sealed.counter_id, self.sealed.day + dt.timedelta(days=1))
        if "hits" in following.records:
            states.append(read_raw_state(self.warehouse, following, "hits"))
        return states

    def _check_raw(
        self, raw: list[RawState], *, features_sealed: bool, features: DayDifferences = NO_DIFFERENCES
    ) -> None:
        for one in raw:
            checked = check_raw(one, self.sealed.counter_id, features, features_sealed=features_sealed)
            self._add(one.source, checked + check_quarantine_rows(self.warehouse, one, self.sealed.counter_id))

    def _check_scores(self, record: StageRecord, raw: list[RawState]) -> None:
        inputs = {f"{one.source} {one.day}": one.record.digest for one in raw}
        state = read_scores_state(self.warehouse, record, inputs=inputs, rows_sealed=all(one.is_sealed for one in raw))
        if state.is_behind:
            self.behind.add("scores")
        models = find_scored_models(self.state, self.models_dir, record)
        self._add("scores", check_models(models))
        with rechecked_day(
            self.warehouse,
            models.models,
            counter_id=record.counter_id,
            day=record.day,
            silent=models.silent,
            from_rows=state.rows_trusted,
            is_exact=not state.scores_sealed,
            progress=self.progress,
        ) as recheck:
            self._check_raw(raw, features_sealed=state.features_sealed, features=recheck.features)
            self._add("scores", check_scored(record, state, recheck))
            table = VISIT_SCORES.name if state.scores_sealed else recheck.scores_table
            self._check_export(record, table)
            if "upload" in self.sealed.records:
                self._check_upload(self.sealed.records["upload"], record, table)

    def _check_export(self, record: StageRecord, table: str) -> None:
        with self.state.connect() as connection:
            known = read_counter(connection, record.counter_id).zone
        zone = zone_of_record(record, known)
        if zone != known:
            self.notes.append(f"The counter is in {known.key} now; the day was scored in {zone.key}.")
        checked = check_export(self.warehouse, self.exports_dir, record, zone, scores_table=table)
        if checked is None:
            where = export_path(self.exports_dir, record.counter_id, record.day)
            self.notes.append(f"There is no list at {where}; {self._command('scores')} writes it again.")
        else:
            self._add("scores", checked)

    def _check_upload(self, record: StageRecord, scores: StageRecord, table: str) -> None:
        self.progress("comparing the ledger", 0, 0)
        sent = read_sent_day(self.connection, record)
        is_current = record.input_digest == scores.digest
        if not is_current:
            self.behind.add("upload")
        ledger = check_ledger(self.warehouse, record, sent, scores_table=table) if is_current else NOTHING
        self._add("upload", ledger)
        self._add("upload", check_files(self.connection, record, sent, ledger_holds=not ledger))

    def _note_versions(self) -> None:
        """Say which stages older or other code has sealed, and which parameters differ today."""
        for stage in self.sealed.unsealed:
            self.notes.append(f"Stage {stage} was sealed by an older version; its own digests are compared.")
        for stage, record in self.sealed.records.items():
            code = record.details.get("code")
            if stage in CODE and code is not None and code != code_version(*CODE[stage]):
                now = code_version(*CODE[stage])
                self.notes.append(f"Stage {stage} was made by other code ({code}) than this ({now}).")
        scores = self.sealed.records.get("scores")
        for name, value in (scores.details.get("parameters", {}) if scores else {}).items():
            if scoring_parameters().get(name, value) != value:
                self.notes.append(
                    f"{name} was {value} when the day was scored and is {scoring_parameters()[name]} now."
                )

    def _command(self, stage: str) -> str:
        words = f"python -m include {COMMANDS[stage]} --date {self.sealed.day} --counter {self.sealed.counter_id}"
        return f"'{words}'"

    def _verdict(self, stage: str) -> StageVerdict:
        record, found = self.sealed.records.get(stage), self.found[stage]
        if record is None:
            return StageVerdict(stage, MISSING, next_step=f"Run {self._command(stage)}.")
        state, step = HOLDS, ""
        if found:
            state, step = DIFFERS, found.findings[0].advice
        elif stage in self.behind:
            state, step = BEHIND, f"An earlier stage has run again since; run {self._command(stage)}."
        return StageVerdict(stage, state, record.digest, record.finished_at, found.findings, found.count, step)
