"""``models``: which versions there are, which one decides, how good each is, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from include.commands.terminal import JsonOption, guarded, new_run_id, settings_here, show
from include.errors import InputError, ModelError
from include.registry.cards import read_card, read_plot
from include.registry.promotions import COMMAND, list_promotions
from include.registry.promotions import archive as archive_version
from include.registry.promotions import promote as promote_version
from include.registry.promotions import roll_back as roll_back_version
from include.registry.showing.pages import card_page
from include.registry.showing.sections import Section, version_sections
from include.registry.showing.views import card_view, promotion_view, version_view
from include.registry.versions import ModelVersion, find_production, find_version, list_versions
from include.services.stores import open_stores

app = typer.Typer(help="Models that decide which visits are level 4+.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="level4_desktop or level4_mobile.")]
VersionArgument = Annotated[str, typer.Argument(help="A registered version.")]


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
def promote(name: NameArgument, version: VersionArgument, as_json: JsonOption = False) -> None:
    """Let a version decide from now on; the one before it is archived.

    Args:
        name: the model.
        version: the version.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    promoted = promote_version(
        open_stores(settings).state, name, version,
        cause=COMMAND, run_id=new_run_id("promote"), models_dir=settings.models_dir,
    )  # fmt: skip
    show_versions([promoted], "In production", as_json=as_json)


@app.command()
@guarded
def rollback(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let the version that decided before the last promotion decide again; twice goes two steps back.

    Args:
        name: the model.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    found = roll_back_version(
        open_stores(settings).state, name, run_id=new_run_id("rollback"), models_dir=settings.models_dir
    )
    show_versions([found], "In production", as_json=as_json)


@app.command()
@guarded
def archive(name: NameArgument, version: VersionArgument, as_json: JsonOption = False) -> None:
    """Take a version out of use; when it was the one that decides, the rule decides alone.

    Args:
        name: the model.
        version: the version.
        as_json: print one line of JSON.
    """
    show_versions([archive_version(open_stores(settings_here()).state, name, version)], "Archived", as_json=as_json)


@app.command()
@guarded
def history(
    name: Annotated[str | None, typer.Argument(help="level4_desktop or level4_mobile; both when left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show which version decided since when, and why.

    Args:
        name: the model, or None for all.
        as_json: print one line of JSON.
    """
    rows = [promotion_view(one) for one in list_promotions(open_stores(settings_here()).state, name)]
    show({"promotions": rows}, as_json=as_json, title="Promotions", rows=rows)


@app.command()
@guarded
def card(
    name: NameArgument,
    version: Annotated[
        str | None, typer.Argument(help="A registered version; without it the one that decides, else the newest.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Write the plots and card.html into this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a version was made of and how good it is.

    Args:
        name: the model.
        version: the version, or None.
        folder: where files are written, or None.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    state = open_stores(settings).state
    found = _chosen(list_versions(state), name) if version is None else find_version(state, name, version)
    serving = find_production(state, name)
    written = _write_card(settings.models_dir, found, serving, folder) if folder else []
    if as_json:
        show({**card_view(found), "files": written}, as_json=True, title="")
        return
    console = Console()
    for section in version_sections(found, serving):
        console.print(_drawn(section))
        console.print()
    for path in written:
        print(path)


def show_versions(versions: list[ModelVersion], title: str, *, as_json: bool) -> None:
    """Print versions of models.

    Args:
        versions: what to print.
        title: heading of the table.
        as_json: print one line of JSON.
    """
    views = [version_view(version) for version in versions]
    columns = ("name", "version", "stage", "threshold", "features", "registered_at")
    rows = [{**{column: view[column] for column in columns}, "pr_auc": view["scores"].get("pr_auc")} for view in views]
    show({"models": views}, as_json=as_json, title=title, rows=rows)


def _chosen(versions: list[ModelVersion], name: str) -> ModelVersion:
    """The version that decides, or the newest one."""
    own = [version for version in versions if version.name == name]
    if not own:
        raise ModelError(f"No version of model {name!r} is registered; 'python -m include models list' shows all.")
    return next((version for version in own if version.stage == "production"), own[0])


def _write_card(models_dir: Path, version: ModelVersion, serving: ModelVersion | None, folder: Path) -> list[str]:
    found = read_card(version)
    plots = {plot: read_plot(models_dir, version, plot) for plot in (found.plots if found else ())}
    files = {f"{plot}.png": data for plot, data in plots.items()}
    files["card.html"] = card_page(version, plots, serving=serving).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, data in files.items():
            (folder / file_name).write_bytes(data)
    except OSError as error:
        raise InputError(
            f"The card cannot be written to {folder} ({error.strerror}); name another folder.", pointer="--folder"
        ) from None
    return [str(folder / file_name) for file_name in files]


def _drawn(section: Section) -> Table:
    title = f"{section.title}\n[dim italic]{section.note}[/]" if section.note else section.title
    table = Table(title=title, title_justify="left", title_style="bold", show_header=bool(section.header))
    for name in section.header or ("", ""):
        table.add_column(name, overflow="fold")
    for row in section.rows:
        table.add_row(*map(escape, row))
    return table
