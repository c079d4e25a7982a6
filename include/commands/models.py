"""``models list`` and ``models promote``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here, show
from include.registry.promotions import COMMAND
from include.registry.promotions import promote as promote_version
from include.registry.versions import ModelVersion, list_versions
from include.services.stores import open_stores

app = typer.Typer(help="Models that decide which visits are level 4+.", no_args_is_help=True)


@app.command("list")
@guarded
def list_models(as_json: JsonOption = False) -> None:
    """List every registered version.

    Args:
        as_json: print one line of JSON.
    """
    show_versions(list_versions(open_stores(settings_here()).state), "Models", as_json=as_json)


@app.command()
@guarded
def promote(
    name: Annotated[str, typer.Argument(help="level4_desktop or level4_mobile.")],
    version: Annotated[str, typer.Argument(help="A registered version.")],
    as_json: JsonOption = False,
) -> None:
    """Let a version decide from now on; the one before it is archived.

    Args:
        name: the model.
        version: the version.
        as_json: print one line of JSON.
    """
    state = open_stores(settings_here()).state
    promoted = promote_version(state, name, version, cause=COMMAND, run_id=new_run_id("promote"))
    show_versions([promoted], "In production", as_json=as_json)


def show_versions(versions: list[ModelVersion], title: str, *, as_json: bool) -> None:
    """Print versions of models.

    Args:
        versions: what to print.
        title: heading of the table.
        as_json: print one line of JSON.
    """
    rows = [_row(version) for version in versions]
    show({"models": rows}, as_json=as_json, title=title, rows=rows)


def _row(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "threshold": version.threshold,
        "features": list(version.features),
        "sha256": version.sha256,
        "registered_at": version.registered_at.isoformat(timespec="seconds"),
    }
