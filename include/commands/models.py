"""``models import``, ``models list`` and ``models promote``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.registry.versions import ModelVersion, list_versions, promote
from include.services.stores import open_stores
from include.visits.import_models import import_models

app = typer.Typer(help="Models that decide visits: import, list, promote.", no_args_is_help=True)
FolderArgument = Annotated[Path, typer.Argument(help="Folder with level4_*_slot*.joblib and level4_thresholds.json.")]


@app.command("import")
@guarded
def import_folder(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Register the models of a folder and put them into production; opening them runs code of theirs.

    Args:
        folder: holds the model files.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    versions = import_models(open_stores(settings).state, settings.models_dir, folder)
    _show(versions, as_json=as_json, title=f"Imported from {folder}")


@app.command("list")
@guarded
def list_all(as_json: JsonOption = False) -> None:
    """List the registered models, newest first.

    Args:
        as_json: print one line of JSON.
    """
    _show(list_versions(open_stores(settings_here()).state), as_json=as_json, title="Registered models")


@app.command("promote")
@guarded
def promote_version(name: str, version: str, as_json: JsonOption = False) -> None:
    """Put a registered version into production; the one before it is archived.

    Args:
        name: the model's name.
        version: one of its versions.
        as_json: print one line of JSON.
    """
    promoted = promote(open_stores(settings_here()).state, name, version)
    _show([promoted], as_json=as_json, title=f"In production: {name}")


def _show(versions: list[ModelVersion], *, as_json: bool, title: str) -> None:
    rows = [_row(version) for version in versions]
    show({"models": rows}, as_json=as_json, title=title, rows=rows)


def _row(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "threshold": version.threshold,
        "features": ", ".join(version.features),
        "sha256": version.sha256,
        "registered_at": version.registered_at.isoformat(timespec="seconds"),
    }
