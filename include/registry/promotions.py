"""Which version serves: promoting, archiving, rolling back, and the history of it.

Every promotion is written down in the same transaction as the change of stage, so what serves and what the
history says cannot differ, wherever a process dies.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select, text, update

from include.days import utc_now
from include.errors import ModelError, StoreConflict
from include.failpoints import failpoint
from include.registry.artefacts import read_verified
from include.registry.versions import ARCHIVED, PRODUCTION, ModelVersion, find_row
from include.state.engine import reachable
from include.state.tables import model_promotions, models

logger = logging.getLogger(__name__)

IMPORT, COMMAND, GATE, APPROVAL, WHAT_IF, ROLLBACK = "import", "command", "gate", "approval", "what_if", "rollback"
CAUSES = (IMPORT, COMMAND, GATE, APPROVAL, WHAT_IF, ROLLBACK)


@dataclass(frozen=True)
class Promotion:
    """One line of a model's history.

    Attributes:
        promotion_id: rising number.
        name: the model.
        version: the version that serves from then on.
        replaced_version: the one that served until then; empty when none did.
        cause: import, command, gate, approval, what_if or rollback.
        run_id: run or command that did it; empty when none is known.
        promoted_at: when, UTC.
    """

    promotion_id: int
    name: str
    version: str
    replaced_version: str
    cause: str
    run_id: str
    promoted_at: dt.datetime


def promote(
    engine: Engine, name: str, version: str, *, cause: str, run_id: str = "", models_dir: Path | None = None
) -> ModelVersion:
    """Put a version into production; the one before it is archived in the same transaction.

    A version that serves already is left as it is, and nothing is added to the history.

    Args:
        engine: the state engine.
        name: the model's name.
        version: a registered version.
        cause: import, command, gate, approval, what_if or rollback.
        run_id: run or command that does it.
        models_dir: folder of the artefacts, to refuse a version whose file is absent or another one; None when
            the caller has just read it.

    Returns:
        The version as promoted.

    Raises:
        ModelError: no such version, no such cause, or its file is not the registered one.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if cause not in CAUSES:
        raise ModelError(f"{cause!r} is no cause of a promotion; use {', '.join(CAUSES)}.")
    with reachable(engine), engine.begin() as connection:
        _lock_name(connection, name)
        found = find_row(connection, name, version)
        _require_file(models_dir, found)
        if found.stage != PRODUCTION:
            _serve(connection, name, version, cause=cause, run_id=run_id)
            found = find_row(connection, name, version)
    failpoint("registry.promoted")
    return found


def roll_back(
    engine: Engine, name: str, *, run_id: str = "", models_dir: Path | None = None, from_version: str | None = None
) -> ModelVersion:
    """Let the version before the last promotion serve again; done twice, it goes two steps back.

    Args:
        engine: the state engine.
        name: the model's name.
        run_id: run or command that does it.
        models_dir: folder of the artefacts, to refuse a version whose file is absent or another one.
        from_version: go back only while this version serves, so that a repeated request changes nothing.

    Returns:
        The version that serves from now on.

    Raises:
        StoreConflict: another version than ``from_version`` serves.
        ModelError: the history knows no version before, or its file is not the registered one.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.begin() as connection:
        _lock_name(connection, name)
        if from_version not in (None, _serving(connection, name)):
            raise StoreConflict(f"Version {from_version!r} of {name} does not decide now; nothing was changed.")
        served = served_versions(_history(connection, name))
        if len(served) < 2:
            raise ModelError(
                f"Model {name!r} has no version to go back to; 'python -m include models history' shows what served."
            )
        _require_file(models_dir, find_row(connection, name, served[-2]))
        _serve(connection, name, served[-2], cause=ROLLBACK, run_id=run_id)
        found = find_row(connection, name, served[-2])
    failpoint("registry.rolled_back")
    return found


def version_before(engine: Engine, name: str) -> str | None:
    """The version that a roll back would bring back.

    Args:
        engine: the state engine.
        name: the model's name.

    Returns:
        Its version, or None when there is none.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    served = served_versions(list_promotions(engine, name))
    return served[-2] if len(served) > 1 else None


def archive(engine: Engine, name: str, version: str) -> ModelVersion:
    """Take a version out of use; its file stays, so that it can be promoted again.

    Args:
        engine: the state engine.
        name: the model's name.
        version: a registered version.

    Returns:
        The version as archived.

    Raises:
        ModelError: no such version.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.begin() as connection:
        _lock_name(connection, name)
        find_row(connection, name, version)
        connection.execute(
            update(models).where(models.c.name == name, models.c.version == version).values(stage=ARCHIVED)
        )
        return find_row(connection, name, version)


def list_promotions(engine: Engine, name: str | None = None) -> list[Promotion]:
    """The history of promotions.

    Args:
        engine: the state engine.
        name: one model; None for all.

    Returns:
        Promotions, oldest first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        return _history(connection, name)


def served_versions(history: Iterable[Promotion]) -> list[str]:
    """The versions one could go back through: each promotion adds a step, each roll back takes one away.

    Args:
        history: promotions of one model, oldest first.

    Returns:
        Versions, the last of them promoted last; a version that served before the history began comes first.
    """
    steps: list[str] = []
    for promotion in history:
        if promotion.cause == ROLLBACK and len(steps) > 1:
            steps.pop()
            continue
        for version in (promotion.replaced_version, promotion.version):
            if version and steps[-1:] != [version]:
                steps.append(version)
    return steps


def _require_file(models_dir: Path | None, version: ModelVersion) -> None:
    """A version without its file would stop the next scoring, so it may not serve."""
    if models_dir is not None:
        read_verified(models_dir, version.sha256, f"{version.name} {version.version}")


def _serve(connection: Connection, name: str, version: str, *, cause: str, run_id: str) -> None:
    """Change the stages and write the promotion down; the caller holds the lock of the name."""
    now, of_name = utc_now(), models.c.name == name
    replaced = _serving(connection, name)
    connection.execute(update(models).where(of_name, models.c.stage == PRODUCTION).values(stage=ARCHIVED))
    failpoint("registry.archived_before_promotion")
    connection.execute(
        update(models).where(of_name, models.c.version == version).values(stage=PRODUCTION, promoted_at=now)
    )
    failpoint("registry.stage_changed")
    connection.execute(
        insert(model_promotions).values(
            name=name, version=version, replaced_version=replaced, cause=cause, run_id=run_id, promoted_at=now
        )
    )
    failpoint("registry.promotion_written")
    logger.info("model %s %s serves, replaced %s, cause %s", name, version, replaced or "none", cause)


def _serving(connection: Connection, name: str) -> str:
    """The version in production; empty when there is none."""
    query = select(models.c.version).where(models.c.name == name, models.c.stage == PRODUCTION)
    return connection.execute(query).scalar() or ""


def _history(connection: Connection, name: str | None) -> list[Promotion]:
    query = select(model_promotions).order_by(model_promotions.c.promotion_id)
    if name is not None:
        query = query.where(model_promotions.c.name == name)
    return [Promotion(**row) for row in connection.execute(query).mappings()]


def _lock_name(connection: Connection, name: str) -> None:
    """One promotion of a name at a time, so that none of two ends with an error."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"model:{name}"})
