"""``accounts keys``: the keys of an app."""

from __future__ import annotations

from include.accounts import keys
from include.commands.accounts.sharing import ProjectOption, key_view
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.services.stores import open_stores


@guarded
def list_keys(project: ProjectOption, as_json: JsonOption = False) -> None:
    """List the keys of an app, masked, with their scopes and their last use.

    Args:
        project: the app.
        as_json: print one line of JSON.
    """
    rows = [key_view(key) for key in keys.list_keys(open_stores(settings_here()).state, project)]
    result = {"project": project, "keys": rows if as_json else "none"}
    show(result, as_json=as_json, title=f"Keys of {project}", rows=rows)
