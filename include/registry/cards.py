"""Model cards: what a version was made of and how good it is, kept in its manifest; its plots as files.

A card is a JSON object of any parts: a value, an object of values (shown as pairs), an object of objects or a
list of objects (shown as a table). ``scores`` holds the headline figures. PostgreSQL sorts the keys of stored
objects, so the order in which the card was written is kept beside it.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import ModelError
from include.registry.artefacts import PLOT_SUFFIX, artefact_path, digest_of, publish
from include.registry.versions import ModelVersion

CARD, PLOTS, ORDER = "card", "plots", "card_order"
PLOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class ModelCard:
    """The card of one version.

    Attributes:
        content: the card itself, as JSON.
        plots: digest of each plot's file by the plot's name.
    """

    content: Mapping[str, Any]
    plots: Mapping[str, str]


def store_card(models_dir: Path, card: Mapping[str, Any], plots: Mapping[str, bytes]) -> dict[str, Any]:
    """Publish the plots, each whole under its digest, and give what belongs into the version's manifest.

    The files come first and the row that names them after, so a crash in between leaves files that nobody names.

    Args:
        models_dir: folder of the artefacts.
        card: the card; numbers of numpy and times are taken, a number that is not finite becomes null.
        plots: PNG bytes by name, for example ``roc``.

    Returns:
        ``card``, ``plots`` and ``card_order``; put all of them into the ``manifest`` given to ``register``.

    Raises:
        ModelError: the card holds what JSON cannot, a plot is no PNG or its name no word, or the folder cannot
            be written.
    """
    content = _plain(card, "")
    for name, data in plots.items():
        if not PLOT_NAME.fullmatch(name) or not data.startswith(PNG_START):
            raise ModelError(f"Plot {name!r} of a card cannot be kept; give PNG bytes under a name such as 'roc'.")
    files = {name: publish(models_dir, data, PLOT_SUFFIX) for name, data in plots.items()}
    return {CARD: content, PLOTS: files, ORDER: {**_orders(content, f"/{CARD}"), f"/{PLOTS}": list(files)}}


def read_card(version: ModelVersion) -> ModelCard | None:
    """The card of a version.

    Args:
        version: the registered version.

    Returns:
        The card, or None when the version was registered without one.
    """
    content = version.manifest.get(CARD)
    if content is None:
        return None
    order = version.manifest.get(ORDER) or {}
    plots = version.manifest.get(PLOTS) or {}
    return ModelCard(_ordered(content, f"/{CARD}", order), _ordered(plots, f"/{PLOTS}", order))


def read_plot(models_dir: Path, version: ModelVersion, name: str) -> bytes:
    """Read a plot and refuse it unless it is the registered one.

    Args:
        models_dir: folder of the artefacts.
        version: the registered version.
        name: the plot's name.

    Returns:
        PNG bytes.

    Raises:
        ModelError: the version has no such plot, or its file is absent or another one.
    """
    card, label = read_card(version), f"{version.name} {version.version}"
    sha256 = card.plots.get(name) if card else None
    if sha256 is None:
        raise ModelError(f"Model {label} has no plot {name!r}; 'python -m include models card' lists those it has.")
    path = artefact_path(models_dir, sha256, PLOT_SUFFIX)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"Plot {name} of model {label} cannot be read from {path} ({error.strerror}); train the model again."
        ) from None
    if digest_of(data) != sha256:
        raise ModelError(
            f"Plot {name} of model {label} at {path} is not the file that was registered; train the model again."
        )
    return data


def _plain(value: Any, place: str) -> Any:
    """The value as JSON holds it; PostgreSQL takes neither NaN nor U+0000."""
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item, f"{place}/{key}") for key, item in value.items()}
    if isinstance(value, str):
        return _text(value)
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return _plain(value.tolist(), place)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item, f"{place}/{index}") for index, item in enumerate(value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    if value is None or isinstance(value, int):
        return value
    raise ModelError(f"The card cannot hold {type(value).__name__} at {place or '/'}; give numbers, texts and lists.")


def _orders(value: Any, place: str) -> dict[str, list[str]]:
    """Keys of every object inside, by its place; objects of one list share a place."""
    found: dict[str, list[str]] = {}
    inner = list(value.items()) if isinstance(value, dict) else []
    if inner:
        found[place] = [key for key, _ in inner]
    for path, item in [(f"{place}/{key}", item) for key, item in inner] or _items(value, place):
        for known, keys in _orders(item, path).items():
            found[known] = list(dict.fromkeys([*found.get(known, ()), *keys]))
    return found


def _items(value: Any, place: str) -> list[tuple[str, Any]]:
    return [(place, item) for item in value] if isinstance(value, list) else []


def _ordered(value: Any, place: str, order: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(value, dict):
        places = {key: number for number, key in enumerate(order.get(place, ()))}
        keys = sorted(value, key=lambda key: places.get(key, len(places)))
        return {key: _ordered(value[key], f"{place}/{key}", order) for key in keys}
    return [_ordered(item, place, order) for item in value] if isinstance(value, list) else value


def _text(value: str) -> str:
    return value.replace("\0", "�")
