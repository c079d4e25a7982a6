"""``events quarantine``: which events broke which rule."""

from __future__ import annotations

import json
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from include.commands.tables import print_rows
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.events.apps.rules import ProjectRules, read_rules
from include.events.quarantine.listing import STATUSES, Page, Question, list_quarantine
from include.events.statistics.periods import parse_period
from include.services.stores import open_stores
from include.state.engine import reachable

UTC = ZoneInfo("UTC")
SHOWN_CHARS = 60

AppOption = Annotated[str | None, typer.Option("--app", help="App code, or default; without it all apps.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="Only events rejected with this code.")]
StatusOption = Annotated[str, typer.Option("--status", help="open, replayed, discarded, or all.")]
FromOption = Annotated[str | None, typer.Option("--from", help="Received at this time (UTC) or later.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Received before this time (UTC).")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many, the newest.")]


@guarded
def quarantine(
    app: AppOption = None,
    code: CodeOption = None,
    status: StatusOption = "open",
    first: FromOption = None,
    last: ToOption = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List events that broke a rule, the newest first.

    Args:
        app: only events of this app.
        code: only events rejected with this code.
        status: open, replayed, discarded or all.
        first: received then or later.
        last: received before.
        limit: at most so many.
        as_json: print one line of JSON, events included.
    """
    if status not in (*STATUSES, "all"):
        raise InputError(f"--status is {status!r}; use {', '.join(STATUSES)} or all.")
    engine = open_stores(settings_here()).state
    numbers = None if app is None else [rules_of(engine, app).project_number]
    from_at, to_at = parse_period(first, last, UTC)
    question = Question(numbers, code, None if status == "all" else status, from_at, to_at, limit)
    page = list_quarantine(engine, question)
    if as_json:
        show({"total": page.total, "items": page.items}, as_json=True, title="")
        return
    _print(page)


def rules_of(engine: Any, app: str) -> ProjectRules:
    """Find the project of an app.

    Args:
        engine: the state engine.
        app: app code, or ``default``.

    Returns:
        Its rules, with its number.

    Raises:
        InputError: there is no such app.
    """
    with reachable(engine), engine.connect() as connection:
        rules = read_rules(connection, app)
    if rules is None:
        raise InputError(f"There is no app {app!r}; list them with 'python -m include apps list'.")
    return rules


def _print(page: Page) -> None:
    if not page.items:
        show({"rejected events": "none"}, as_json=False, title="Quarantine")
        return
    rows = [
        {
            "received": f"{item['received_at']:%Y-%m-%d %H:%M:%S}",
            "id": item["quarantine_id"],
            "app": item["project"],
            "code": item["code"],
            "at": item["pointer"],
            "status": item["status"],
            "tries": item["attempt_count"],
            "event": json.dumps(item["event"], ensure_ascii=False)[:SHOWN_CHARS],
        }
        for item in page.items
    ]
    print_rows(f"Quarantine: {len(rows)} of {page.total}", rows)
