"""``visits import-model``: models trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from include.commands.models import show_versions
from include.commands.terminal import JsonOption, guarded, settings_here
from include.services.stores import open_stores
from include.visits.models.import_models import import_models


@guarded
def import_model(
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
    show_versions(found, "Registered", as_json=as_json)
