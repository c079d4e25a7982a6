"""``models import``, ``models list`` and ``models promote``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.registry.versions import ModelVersion, list_versions
from include.registry.versions import promote as promote_version
from include.services.stores import open_stores
from include.visits.import_models import import_models

app = typer.Typer(help="Models that decide which visits are level 4+.", no_args_is_help=True)


@app.command("import")
@guarded
def import_folder(
    folder: Annotated[Path, typer.Argument(help="Holds level4_desktop_slot*.joblib, level4_mobile_slot*.joblib.")],
    as_json: JsonOption = False,
) -> None:
    """Register the models of a folder and let the last of each device decide; one that cannot be used stops all.

    Args:
        folder: the models and optionally ``level4_thresholds.json``.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    found = import_models(open_stores(settings).state, settings.models_dir, folder)
    _show(found, "Registered", as_json=as_json)


@app.command("list")
@guarded
def list_models(as_json: JsonOption = False) -> None:
    """List every registered version.

    Args:
        as_json: print one line of JSON.
    """
    _show(list_versions(open_stores(settings_here()).state), "Models", as_json=as_json)


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
    _show([promote_version(open_stores(settings_here()).state, name, version)], "In production", as_json=as_json)


def _show(versions: list[ModelVersion], title: str, *, as_json: bool) -> None:
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
