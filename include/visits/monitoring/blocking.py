"""A drifted day waits for a person: findings become a block, an approval lets the day pass."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from include.days import utc_now
from include.failpoints import failpoint
from include.state.blocks import DRIFT, Block, read_blocks, release_block, write_block
from include.state.engine import reachable

logger = logging.getLogger(__name__)

NOBODY = "nobody: the day is no longer unusual"
MODERATE, LARGE = "moderate", "large"
BLOCK_FAILPOINTS = ("block.read", "block.written", "block.released")
Finding = dict[str, Any]
"""``scope``, ``feature`` and ``size`` (moderate or large), and the numbers people are shown."""


def apply_findings(
    connection: Connection, counter_id: int, day: dt.date, findings: Sequence[Finding], *, run_id: str
) -> bool:
    """Block a day for what was found; the same finding, or one that a person approved, changes nothing.

    Args:
        connection: open transaction; the caller commits.
        counter_id: the counter.
        day: local day.
        findings: drifted features; empty lets an open block pass.
        run_id: the run that found them.

    Returns:
        Whether the day is blocked now.
    """
    known = next((one for one in read_blocks(connection, counter_id, [day], locked=True) if one.cause == DRIFT), None)
    failpoint("block.read")
    approved = list(known.details["approved"]) if known else []
    is_covered = all(_is_covered(finding, approved) for finding in findings)
    if is_covered:
        if known and known.released_at is None:
            release_block(connection, known, released_by=NOBODY)
        return False
    evidence = evidence_digest(findings)
    if known is None or known.released_at is not None or known.evidence_digest != evidence:
        details = {"findings": list(findings), "approved": approved}
        write_block(connection, Block(counter_id, day, DRIFT, details, evidence, run_id, utc_now(), "", None, ""))
        failpoint("block.written")
        logger.warning("%s", blocked_sentence(counter_id, day, findings))
    return True


def approve_drift(
    state: Engine, counter_id: int, days: Iterable[dt.date], *, approved_by: str, evidence: Iterable[str] | None = None
) -> list[Block]:
    """Let blocked days pass; safe to repeat, and never more than the person saw.

    Args:
        state: the state engine.
        counter_id: the counter.
        days: local days.
        approved_by: who approves, for the record.
        evidence: digests of what the person was shown; None for whatever blocks now.

    Returns:
        The blocks that were let pass by this call.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    shown, released = None if evidence is None else set(evidence), []
    with reachable(state), state.begin() as connection:
        for block in read_blocks(connection, counter_id, days, is_open=True, locked=True):
            if shown is not None and block.evidence_digest not in shown:
                continue
            approved = [*block.details["approved"], *(_grade(one) for one in block.details["findings"])]
            details = {**block.details, "approved": approved}
            if release_block(connection, block, released_by=approved_by, details=details):
                released.append(block)
        failpoint("block.released")
    for block in released:
        logger.info("drift approved by %s, day %s, counter %d", approved_by, block.day, counter_id)
    return released


def evidence_digest(findings: Iterable[Finding]) -> str:
    """Digest of what drifted and how much roughly; late visits of the day do not change it.

    Args:
        findings: drifted features.

    Returns:
        64 hex digits.
    """
    grades = sorted([one["scope"], one["feature"], one["size"]] for one in findings)
    return hashlib.sha256(json.dumps(grades).encode()).hexdigest()


def blocked_sentence(counter_id: int, day: dt.date, findings: Iterable[Finding]) -> str:
    """Say what was found, for a log or a question.

    Args:
        counter_id: the counter.
        day: local day.
        findings: drifted features.

    Returns:
        One sentence.
    """
    told = "; ".join(_told(one) for one in findings)
    return f"Day {day} of counter {counter_id} is unlike the days it is compared with: {told}."


def _told(finding: Finding) -> str:
    means = ""
    if finding["mean"] is not None and finding["reference_mean"] is not None:
        means = f" mean {finding['mean']:.4g} instead of {finding['reference_mean']:.4g},"
    return (
        f"{finding['scope']} {finding['feature']}{means} PSI {finding['psi']:.3g}, p {finding['p_adjusted']:.2g}, "
        f"{finding['visits']} visits"
    )


def _grade(finding: Finding) -> dict[str, str]:
    return {name: finding[name] for name in ("scope", "feature", "size")}


def _is_covered(finding: Finding, approved: Iterable[dict[str, str]]) -> bool:
    return any(
        (one["scope"], one["feature"]) == (finding["scope"], finding["feature"])
        and (one["size"] == LARGE or finding["size"] == MODERATE)
        for one in approved
    )
