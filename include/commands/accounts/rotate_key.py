"""``accounts rotate-key``: a new key in place of an old one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from include.accounts import keys
from include.accounts.actors import COMMAND
from include.commands.accounts.sharing import KeyIdOption, ProjectOption, key_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores

LONGEST_OVERLAP_HOURS = 720.0  # a month

OverlapOption = Annotated[
    float,
    typer.Option(
        "--overlap-hours",
        min=0,
        max=LONGEST_OVERLAP_HOURS,
        help="How long the old key is still taken; 0 revokes it at once.",
    ),
]


@guarded
def rotate_key(
    project: ProjectOption, key_id: KeyIdOption, overlap_hours: OverlapOption = 0, as_json: JsonOption = False
) -> None:
    """Replace a key by a new one with the same scopes; the new key is shown this once.

    Args:
        project: the app.
        key_id: the key to replace.
        overlap_hours: how long the old key is still taken.
        as_json: print one line of JSON.
    """
    state, overlap = open_stores(settings_here()).state, dt.timedelta(hours=overlap_hours)
    key, secret = keys.rotate_key(state, project=project, key_id=key_id, rotated_by=COMMAND.name, overlap=overlap)
    show(key_view(key) | {"key": secret.value}, as_json=as_json, title="New key, shown only now")
