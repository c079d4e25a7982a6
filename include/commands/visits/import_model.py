"""``visits import-model``: models trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from include.commands.models import show_versions
from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here
from include.errors import InputError
from include.services.stores import open_stores
from include.visits.models.import_models import DEVICE_OF_NAME, ImportOrder, import_models, read_features
from include.visits.models.model_files import Trust


@guarded
def import_model(
    path: Annotated[
        Path,
        typer.Argument(help="Folder with level4_desktop_slot*.joblib, level4_mobile_slot*.joblib; or one model file."),
    ],
    trust: Annotated[
        list[str] | None,
        typer.Option(help="SHA-256 of a file that may be opened though no list beside it names it; repeatable."),
    ] = None,
    trust_all: Annotated[
        bool,
        typer.Option("--trust-all", help="Open every file asked for; opening a model file runs code from it."),
    ] = False,
    name: Annotated[str | None, typer.Option(help="For one file: level4_desktop or level4_mobile.")] = None,
    threshold: Annotated[float | None, typer.Option(help="For one file: a probability must be above it, 0-1.")] = None,
    features: Annotated[
        Path | None, typer.Option(help="For one file: its feature names in order, one per line or a JSON list.")
    ] = None,
    is_promoted: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Let the last of each device decide from now on.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Register models made elsewhere and let the last of each device decide; one that cannot be used stops all.

    Args:
        path: the models and optionally ``level4_thresholds.json`` and lists of digests.
        trust: digests the person confirms.
        trust_all: the person confirms every file.
        name: the model, for one file.
        threshold: its threshold.
        features: its feature list.
        is_promoted: False registers candidates only.
        as_json: print one line of JSON.
    """
    if name is not None and name not in DEVICE_OF_NAME:
        raise InputError(f"--name {name!r} is no model of ours; use {' or '.join(DEVICE_OF_NAME)}.", pointer="--name")
    order = ImportOrder(
        path,
        trust=Trust.in_digests(trust or (), everything=trust_all),
        name=name,
        threshold=threshold,
        features=None if features is None else read_features(features),
        is_promoted=is_promoted,
        run_id=new_run_id("import-model"),
    )
    settings = settings_here()
    found = import_models(open_stores(settings).state, settings.models_dir, order)
    show_versions(found, "Registered", as_json=as_json)
