"""``apps change``: other rules for the events of an app."""

from __future__ import annotations

from typing import Annotated

import typer

from include.commands.apps.sharing import AppArgument, ModeOption, ZoneOption, app_record, unknown_app
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.events.apps.projects import AppChanges, change_app
from include.services.stores import open_stores

AgeOption = Annotated[
    int | None, typer.Option("--max-age-days", help="Older events are refused, unless their key may backfill.")
]
AliasOption = Annotated[
    list[str] | None,
    typer.Option("--alias", help="NAME=EVENT: events sent as NAME count as EVENT. Repeat it; all aliases anew."),
]


@guarded
def change(
    app_code: AppArgument,
    mode: ModeOption = None,
    time_zone: ZoneOption = None,
    max_age_days: AgeOption = None,
    alias: AliasOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the rules of an app; the intake of events follows within two seconds.

    Args:
        app_code: the app.
        mode: lenient or strict.
        time_zone: zone of its days.
        max_age_days: how old events may be.
        alias: all aliases from now on, ``NAME=EVENT`` each.
        as_json: print one line of JSON.
    """
    aliases = dict(_pair(one) for one in alias) if alias else None
    changes = AppChanges(mode, time_zone, max_age_days, aliases)
    app = change_app(open_stores(settings_here()).state, app_code, changes)
    if app is None:
        raise unknown_app(app_code)
    show(app_record(app), as_json=as_json, title="App")


def _pair(text: str) -> tuple[str, str]:
    name, sign, event = text.partition("=")
    if not sign:
        raise InputError(f"{text!r} is no alias; write NAME=EVENT.", code="bad_alias", pointer="--alias")
    return name, event
