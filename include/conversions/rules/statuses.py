"""Words of Metrika -> stages of the ledger -> words of our API."""

from __future__ import annotations

PREPARED, UPLOADED, PROCESSING, UNKNOWN = "prepared", "uploaded", "processing", "unknown"
DONE, FAILED_LINKAGE, REFUSED, GOAL_NOT_FOUND = "done", "failed_linkage", "refused", "goal_not_found"
# Stage of a conversion: held, or refused with its file, or without a goal; otherwise it is placed in a
# file and shares that upload's stage, so that a million rows need not be rewritten at every step.
HELD, PLACED = "held", "placed"

# Nothing reached Metrika for good: the rows may be sent again in another file.
UNSENT_STAGES = (HELD, REFUSED, GOAL_NOT_FOUND)
# The upload is at Metrika and not finished.
FOLLOWED_STAGES = (UPLOADED, PROCESSING, UNKNOWN)
FAILED_STAGES = (FAILED_LINKAGE, REFUSED, GOAL_NOT_FOUND)
TERMINAL_STAGES = (DONE, *FAILED_STAGES)

_STAGE_BY_STATUS = {
    "PREPARED": UPLOADED,
    "UPLOADED": UPLOADED,
    "EXPORTED": PROCESSING,
    "MATCHED": PROCESSING,
    "PROCESSED": DONE,
    "LINKAGE_FAILURE": FAILED_LINKAGE,
}


def stage_of(metrika_status: str) -> str:
    """Translate a status of Metrika.

    Args:
        metrika_status: as the API says it, in any letter case; an unknown word is not an error.

    Returns:
        The stage of the ledger.

    Source:
        "Offline data upload", Metrika API pages.

    >>> stage_of("MATCHED"), stage_of("PROCESSED"), stage_of("DIGESTED")
    ('processing', 'done', 'unknown')
    """
    return _STAGE_BY_STATUS.get(metrika_status.upper(), UNKNOWN)


def api_status_of(stage: str) -> str:
    """Translate a stage for the API.

    Args:
        stage: stage of an upload.

    Returns:
        ``pending``, ``processed`` or ``failed``.

    >>> api_status_of("unknown"), api_status_of("refused")
    ('pending', 'failed')
    """
    if stage == DONE:
        return "processed"
    return "failed" if stage in FAILED_STAGES else "pending"
