"""``accounts revoke-key``: take a key back."""

from __future__ import annotations

from include.accounts import keys
from include.accounts.actors import COMMAND
from include.commands.accounts.sharing import KeyIdOption, ProjectOption, key_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.services.stores import open_stores


@guarded
def revoke_key(project: ProjectOption, key_id: KeyIdOption, as_json: JsonOption = False) -> None:
    """Take a key back; within five seconds no request with it is taken any more.

    Args:
        project: the app.
        key_id: the key.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    key = keys.revoke_key(state, project=project, key_id=key_id, revoked_by=COMMAND.name)
    if key is None:
        raise InputError(
            f"{project} has no key {key_id}; see 'python -m include accounts keys --project {project}'.",
            code="key_unknown",
            pointer="--key-id",
        )
    show(key_view(key), as_json=as_json, title="Revoked")
