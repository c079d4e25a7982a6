"""In words: what became of a conversion, and why."""

from __future__ import annotations

from dataclasses import dataclass

from include.conversions.rules.holding import HeldReason
from include.conversions.rules.statuses import (
    DONE,
    FAILED_LINKAGE,
    GOAL_NOT_FOUND,
    HELD,
    PREPARED,
    PROCESSING,
    REFUSED,
    UNKNOWN,
    UPLOADED,
)
from include.provenance.passport.cases import Evidence, LedgerRow
from include.visits.deciding.decision import (
    BELOW_THRESHOLD,
    DEVICE_NOT_MODELLED,
    MODEL,
    NO_HITS,
    NO_MODEL,
    RULE,
)

SINGLE = "single"
DRIFT_NOT_APPROVED = "drift_not_approved"
NOT_SCORED, NOT_LEVEL4, NOT_UPLOADED, BLOCKED, WITHDRAWN = (
    "not_scored",
    "not_level4",
    "not_uploaded",
    "blocked",
    "withdrawn",
)
DECISIONS = {
    RULE: "rule 180-5-5 holds",
    MODEL: "the model's probability is above its threshold",
    NO_HITS: "none of its hits is stored",
    BELOW_THRESHOLD: "the model's probability is not above its threshold",
    DEVICE_NOT_MODELLED: "its device has no model",
    NO_MODEL: "no model was in production",
}
HELD_BACK = {
    HeldReason.FUTURE_TIME.value: "its time was not in the past yet",
    HeldReason.OUTSIDE_MATCH_WINDOW.value: "it was older than the 21 days in which Metrika links conversions",
    HeldReason.NO_IDENTIFIER.value: "the visit has no client id",
    HeldReason.SAME_MOMENT.value: "another visit of the same client at the same second stands for it",
    HeldReason.GOAL_NOT_FOUND.value: "the counter has no such goal",
    HeldReason.REFUSED.value: "Metrika refused its file",
    DRIFT_NOT_APPROVED: "its day is unlike the days before it, and nobody has let it pass",
    HeldReason.WITHDRAWN.value: "the visit stopped being level 4+ before it was sent",
}
UPLOADS = {
    PREPARED: "It is in a prepared file that waits to be sent",
    UPLOADED: "It was sent, and Metrika has not finished the file",
    PROCESSING: "It was sent, and Metrika is working on the file",
    UNKNOWN: "It was sent, and what Metrika did with the file is not known",
    DONE: "It was sent, and Metrika has processed the file",
    FAILED_LINKAGE: "It was sent, and Metrika could link no row of the file",
    REFUSED: "It was not sent: Metrika refused its file",
    GOAL_NOT_FOUND: "It was not sent: the counter has no such goal",
}
NEVER_SENT = (PREPARED, REFUSED, GOAL_NOT_FOUND)


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Attributes:
        state: the stage of its file, or held, withdrawn, not_level4, not_scored, not_uploaded or blocked.
        is_sent: it reached Metrika, as far as is known.
        why: one sentence for people.
    """

    state: str
    is_sent: bool
    why: str


def outcome_of(evidence: Evidence) -> Outcome:
    """Say what became of a conversion or of a visit.

    Args:
        evidence: everything stored about it.

    Returns:
        The outcome.
    """
    row = evidence.row
    if row is None:
        return _without_row(evidence)
    if row.upload_id is None or evidence.upload is None:
        return _held(row)
    stage = evidence.upload.stage
    is_sent = stage not in NEVER_SENT
    place = f"{UPLOADS.get(stage, f'Its file is {stage}')} (row {row.line_number} of upload {row.upload_id})"
    if row.is_withdrawn:
        reason = evidence.score["reason"] if evidence.score else ""
        later = DECISIONS.get(reason, "Metrika has taken it back")
        return Outcome(WITHDRAWN, is_sent, f"{place}; later the visit stopped being level 4+: {later}.")
    return Outcome(stage, is_sent, f"{place}.")


def _held(row: LedgerRow) -> Outcome:
    reason = HELD_BACK.get(row.held_reason, row.held_reason or "no reason is noted")
    state = WITHDRAWN if row.is_withdrawn else HELD
    return Outcome(state, False, f"It was held back: {reason}.")


def _without_row(evidence: Evidence) -> Outcome:
    score = evidence.score
    if score is None:
        return Outcome(NOT_SCORED, False, "It was not sent: its day is stored but not scored.")
    if not score["is_level4"]:
        reason = DECISIONS.get(score["reason"], score["reason"])
        return Outcome(NOT_LEVEL4, False, f"It was not sent: the visit is not level 4+, because {reason}.")
    if evidence.blocked_by:
        return Outcome(
            BLOCKED, False, f"It was not sent: uploads of its day wait for a person ({evidence.blocked_by})."
        )
    return Outcome(NOT_UPLOADED, False, "It was not sent: its day has not been uploaded since the visit was scored.")
