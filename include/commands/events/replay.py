"""``events replay``: rejected events held against the rules of today."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from include.commands.events.quarantine import rules_of
from include.commands.terminal import JsonOption, guarded, settings_here, show, shown_progress
from include.errors import InputError
from include.events.quarantine.choosing import Chosen, choose_by_ids, choose_open
from include.events.quarantine.replaying import replay as replay_chosen
from include.events.statistics.periods import parse_period
from include.services.stores import open_stores

UTC = ZoneInfo("UTC")

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Quarantine ids; without any give --app.")
]
AppOption = Annotated[str | None, typer.Option("--app", help="All open events of this app, the oldest 10,000.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="With --app: only events rejected with this code.")]
FromOption = Annotated[str | None, typer.Option("--from", help="With --app: received at this time (UTC) or later.")]
ToOption = Annotated[str | None, typer.Option("--to", help="With --app: received before this time (UTC).")]
CorrectionsOption = Annotated[
    Path | None,
    typer.Option("--corrections", help="JSON file with corrected events by quarantine id."),
]


@guarded
def replay(
    ids: IdsArgument = None,
    app: AppOption = None,
    code: CodeOption = None,
    first: FromOption = None,
    last: ToOption = None,
    corrections: CorrectionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold rejected events against the rules again; what is accepted now goes into the inbox, once.

    Args:
        ids: quarantine ids.
        app: all open events of this app.
        code: with app, only events rejected with this code.
        first: with app, received then or later.
        last: with app, received before.
        corrections: JSON file with corrected events by quarantine id.
        as_json: print one line of JSON.
    """
    corrected = _read(corrections)
    wanted = [*(ids or []), *corrected]
    if bool(wanted) == (app is not None):
        raise InputError("Give quarantine ids, a file of corrections, or --app.")
    engine = open_stores(settings_here()).state
    chosen = (
        choose_by_ids(engine, wanted, None) if app is None else _open_of(engine, app, code=code, first=first, last=last)
    )
    with shown_progress() as progress:
        report = replay_chosen(engine, chosen, corrections=corrected, progress=progress)
    show(asdict(report), as_json=as_json, title="Events replayed")


def _open_of(engine: Engine, app: str, *, code: str | None, first: str | None, last: str | None) -> Chosen:
    from_at, to_at = parse_period(first, last, UTC)
    return choose_open(engine, rules_of(engine, app).project_number, code=code, from_at=from_at, to_at=to_at)


def _read(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise InputError(f"{path} is not JSON.") from None
    if not isinstance(found, dict) or not all(isinstance(event, dict) for event in found.values()):
        raise InputError(f'{path} must hold {{"<quarantine id>": {{...event...}}}}.')
    return found
