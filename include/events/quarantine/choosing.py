"""Which events of the quarantine a replay is about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, select

from include.errors import InputError
from include.events.quarantine.listing import OPEN, REPLAYED, Question, conditions
from include.state.engine import reachable
from include.state.tables import event_quarantine

MOST_AT_ONCE = 10_000


@dataclass(frozen=True)
class Chosen:
    """Events of the quarantine by what can be done with them.

    Attributes:
        open_ids: ids of events that wait, sorted.
        replayed: number of ids whose event was replayed before.
        not_found: number of ids that are unknown, given up, or not for the asker.
    """

    open_ids: Sequence[str]
    replayed: int = 0
    not_found: int = 0


def choose_by_ids(engine: Engine, ids: Sequence[str], project_numbers: Iterable[int] | None) -> Chosen:
    """Choose events by id.

    Args:
        engine: the state engine.
        ids: quarantine ids as given by anybody, at most 10,000; an id given twice counts once.
        project_numbers: projects the asker may see; None for all.

    Returns:
        The choice.

    Raises:
        InputError: too many ids.
        StoreUnavailable: PostgreSQL does not answer.
    """
    if len(ids) > MOST_AT_ONCE:
        raise InputError(f"Give at most {MOST_AT_ONCE} ids at once.", code="too_many_ids", pointer="/ids")
    wanted = {_uuid_of(text) or text for text in ids}
    c = event_quarantine.c
    query = select(c.quarantine_id, c.status).where(c.quarantine_id.in_([one for one in wanted if _uuid_of(one)]))
    if project_numbers is not None:
        query = query.where(c.project_number.in_(list(project_numbers)))
    with reachable(engine), engine.connect() as connection:
        found = {str(quarantine_id): status for quarantine_id, status in connection.execute(query)}
    waiting = sorted(quarantine_id for quarantine_id, status in found.items() if status == OPEN)
    replayed = sum(status == REPLAYED for status in found.values())
    return Chosen(waiting, replayed, len(wanted) - len(waiting) - replayed)


def choose_open(
    engine: Engine,
    project_number: int,
    *,
    code: str | None = None,
    from_at: dt.datetime | None = None,
    to_at: dt.datetime | None = None,
) -> Chosen:
    """Choose the oldest open events of a project.

    Args:
        engine: the state engine.
        project_number: the project.
        code: only those rejected with this code.
        from_at: only those received at this instant or later; aware.
        to_at: only those received before this instant; aware.

    Returns:
        The choice, at most 10,000.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """
    c = event_quarantine.c
    question = Question((project_number,), code=code, status=OPEN, from_at=from_at, to_at=to_at)
    query = select(c.quarantine_id).where(*conditions(question))
    query = query.order_by(c.received_at, c.quarantine_id).limit(MOST_AT_ONCE)
    with reachable(engine), engine.connect() as connection:
        return Chosen(sorted(str(found) for found in connection.execute(query).scalars()))


def _uuid_of(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
