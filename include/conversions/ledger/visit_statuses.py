"""What the ledger says about visits that somebody asks about, before anything is decided or sent."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from include.conversions.ledger.statements import statement
from include.conversions.rules.holding import hold_visits
from include.conversions.rules.identifiers import IdentifierKind
from include.conversions.rules.statuses import UNSENT_STAGES
from include.settings import ConversionSettings
from include.state.engine import reachable

CAN_BE_SENT = "can_be_sent"


def visit_statuses(
    state: Engine,
    settings: ConversionSettings,
    now: dt.datetime,
    *,
    counter_id: int,
    visit_ids: NDArray[np.uint64],
    client_ids: NDArray[np.uint64],
    event_epochs: NDArray[np.int64],
) -> NDArray[np.object_]:
    """Say of each visit whether it has been sent, or could be.

    Args:
        state: the state engine.
        settings: target and time offset.
        now: aware instant of the question.
        counter_id: the counter.
        visit_ids: shape (n,), uint64.
        client_ids: shape (n,), uint64; 0 means the visit has none.
        event_epochs: shape (n,), int64, visit start, Unix seconds.

    Returns:
        Shape (n,), str: ``sent`` (in an upload that Metrika has or may have), ``sent_before`` (sent, withdrawn
        since), a held reason such as ``outside_match_window``, or ``can_be_sent``.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    values = {
        "counter_id": counter_id,
        "target": settings.target,
        "kind": IdentifierKind.CLIENT_ID.value,
        "unsent_stages": list(UNSENT_STAGES),
        "visit_ids": visit_ids.tolist(),
        "identifiers": list(map(str, client_ids.tolist())),
        "epochs": event_epochs.tolist(),
    }
    with reachable(state), state.connect() as connection:
        known = connection.execute(statement("visit_statuses"), values).scalars().all()
    statuses = np.array(known, dtype=object)
    held = hold_visits(client_ids, event_epochs, offset_seconds=settings.time_offset_seconds, now=now)
    statuses[statuses == ""] = held[statuses == ""]
    statuses[statuses == ""] = CAN_BE_SENT
    return statuses
