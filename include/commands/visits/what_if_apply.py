"""``visits what-if-apply``: put an answer in force."""

from __future__ import annotations

import getpass
import os
from typing import Annotated, Any

import typer

from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here, show, shown_progress
from include.commands.visits.what_if import show_what_if, totals, what_if_record
from include.errors import InputError
from include.services.stores import open_stores
from include.visits.what_if.applying import Applying, apply_what_if, require_applicable
from include.visits.what_if.records import WhatIf, read_what_if

IdsArgument = Annotated[list[str], typer.Argument(help="Ids as visits what-if printed them.", metavar="ID...")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]


@guarded
def what_if_apply(ids: IdsArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Put an answer in force: its models decide from now on, its days are scored again; nothing is sent by it.

    Args:
        ids: what-ifs, such as those of several counters asked at once.
        yes: do not ask.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    stores = open_stores(settings)
    asked = [read_what_if(stores.state, one) for one in dict.fromkeys(ids)]
    waiting = [one for one in asked if one.applied_at is None] or asked  # a repeated call goes on with the rest
    for one in waiting:
        require_applicable(stores.state, settings.models_dir, one)
    if not yes:
        _confirm(waiting, silent=as_json)
    with shown_progress() as progress:
        applying = Applying(
            stores.warehouse,
            stores.state,
            settings.exports_dir,
            settings.models_dir,
            new_run_id("what_if_apply"),
            _user(),
            progress,
        )
        applied = [apply_what_if(applying, one.what_if_id) for one in waiting]
    result = {**totals(applied), "what_ifs": [what_if_record(one) for one in applied]}
    show(result, as_json=as_json, title="In force", rows=[_row(one) for one in applied])
    if not as_json:
        print("Nothing was sent. For each day: python -m include conversions upload --date DAY")


def _confirm(waiting: list[WhatIf], *, silent: bool) -> None:
    for one in () if silent else waiting:
        show_what_if(one)
    if not typer.confirm("Let these models decide from now on, and score these days again?", err=True):
        raise InputError("Nothing was applied.", code="not_confirmed")


def _row(applied: WhatIf) -> dict[str, Any]:
    total = applied.summary["total"]
    return {
        "id": applied.what_if_id,
        "counter_id": applied.counter_id,
        "days": f"{applied.first_day} to {applied.last_day}",
        "level4": total["after"],
        "new": total["added"],
        "no_longer": total["removed"],
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id without a name
        return f"user {os.getuid()}"
