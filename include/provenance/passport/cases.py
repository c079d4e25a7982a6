"""One conversion or one visit that somebody asks about, and everything the stores know of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from include.conversions.ledger.uploads import Upload
from include.conversions.rules.file import FileRow
from include.conversions.rules.identifiers import IdentifierKind
from include.registry.versions import ModelVersion
from include.state.manifest import StageRecord


@dataclass(frozen=True)
class LedgerRow:
    """One row of the conversion ledger; fields as in table ``conversions``.

    Attributes:
        visit_id: the visit, 0 for a single conversion.
        event_at: visit start or given time, aware UTC.
        sent_epoch_seconds: DateTime column of the file, Unix seconds.
        line_number: line of its file, from 1 behind the header; None outside a file.
    """

    conversion_id: str
    counter_id: int
    target: str
    identifier_kind: str
    identifier: str
    event_at: dt.datetime
    visit_id: int
    day: dt.date
    sent_epoch_seconds: int
    price: Decimal | None
    currency: str
    stage: str
    held_reason: str
    upload_id: str | None
    line_number: int | None
    is_withdrawn: bool
    decided_at: dt.datetime

    @property
    def kind(self) -> IdentifierKind:
        """Kind of its identifier."""
        return IdentifierKind(self.identifier_kind)

    @property
    def is_single(self) -> bool:
        """Whether it was given by somebody and comes from no visit."""
        return self.visit_id == 0

    def as_line(self) -> FileRow:
        """What its file shows of it."""
        return FileRow(self.identifier, self.sent_epoch_seconds, self.price, self.currency)


@dataclass(frozen=True)
class Case:
    """What is asked about.

    Attributes:
        counter_id: the counter.
        day: local day of the visit or of the conversion.
        visit_id: the visit, 0 for a single conversion.
        row: its row of the ledger; None when the ledger has none.
    """

    counter_id: int
    day: dt.date
    visit_id: int
    row: LedgerRow | None = None


@dataclass(frozen=True)
class Hit:
    """One hit of a visit.

    Attributes:
        watch_id: its id.
        hit_at: its time, aware UTC.
    """

    watch_id: int
    hit_at: dt.datetime


@dataclass(frozen=True)
class Evidence:
    """Everything stored about a case.

    Attributes:
        case: the case.
        zone: the counter's zone.
        upload: the file its row is in.
        visit: its row of ``visits``.
        hits: its matched hits by time; empty when they were not asked for.
        features: its row of ``visit_features``.
        score: its row of ``visit_scores``.
        model: the registered version that was asked about it.
        promoted_at: when that version went into production, the last time before the day was scored.
        stages: records of its day by stage; ``next_hits`` holds the hits of the day behind it.
        sealed: the same records as the seal of the day has them; empty for a day without one.
        blocked_by: why uploads of its day wait for a person, or an empty text.
    """

    case: Case
    zone: ZoneInfo
    upload: Upload | None = None
    visit: Mapping[str, Any] | None = None
    hits: Sequence[Hit] = ()
    features: Mapping[str, Any] | None = None
    score: Mapping[str, Any] | None = None
    model: ModelVersion | None = None
    promoted_at: dt.datetime | None = None
    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    sealed: Mapping[str, StageRecord] = field(default_factory=dict)
    blocked_by: str = ""

    @property
    def row(self) -> LedgerRow | None:
        """Its row of the ledger."""
        return self.case.row


@dataclass(frozen=True)
class Mismatch:
    """A value that does not follow from what is stored.

    Attributes:
        field: its place in the passport, such as ``features.slots``.
        stored: the value as stored.
        derived: what comes out when it is derived again; None when that is impossible.
    """

    field: str
    stored: Any
    derived: Any
