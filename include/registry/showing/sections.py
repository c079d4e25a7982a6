"""A card as headed tables of text, whatever parts it has; the terminal and the page show the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.registry.cards import read_card
from include.registry.showing.views import card_view, headline_scores
from include.registry.versions import ModelVersion

TITLES = {
    "data": "Data",
    "scores": "Scores",
    "threshold": "Threshold and how it was chosen",
    "conformal": "Check of the threshold on held-out days",
    "comparison": "Against the version that served",
    "gate": "Gate",
    "candidates": "Candidates",
    "devices": "By device",
    "features": "Features",
    "deciles": "By tenth of the score",
    "calibration": "Calibration",
    "libraries": "Library versions",
}
NAMES = {"pr_auc": "PR-AUC", "roc_auc": "ROC-AUC", "ece": "ECE", "brier": "Brier", "sha256": "SHA-256"}
NOTES = {
    "scores": "PR-AUC and ROC-AUC say how well level 4+ visits are ranked above the others: 1 is perfect, chance is "
    "the share of positives and 0.5. Brier and ECE say how far the probabilities are from what happened: 0 is perfect.",
    "deciles": "Visits ordered by probability, highest first, in ten equal parts.",
    "calibration": "Of visits with about this probability, the share that was level 4+.",
}
HIDDEN = ("scores", "card", "plots", "origin", "features")


@dataclass(frozen=True)
class Section:
    """A headed table.

    Attributes:
        title: heading.
        header: names of the columns; empty for a table of pairs.
        rows: cells as text; of pairs the name and the value.
        note: a sentence below the heading, or empty.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def version_sections(version: ModelVersion, serving: ModelVersion | None = None) -> list[Section]:
    """All tables about one version.

    Args:
        version: the registered version.
        serving: the version that serves now, for scores side by side; None when there is none.

    Returns:
        What it is, its scores beside those of the serving version, then the parts of its card in order.
    """
    view = card_view(version)
    facts = {name: value for name, value in view.items() if name not in HIDDEN} | view["origin"]
    if "features" not in (view["card"] or {}):
        facts["features"] = view["features"]
    beside = _side_by_side(version, serving)
    return [
        Section("Version", (), _pairs(facts)),
        *([beside] if beside else []),
        *_card_sections(view["card"] or {}),
    ]


def shown(value: Any) -> str:
    """Write a value of a card for people.

    Args:
        value: anything JSON holds.

    Returns:
        One line: four digits of a fraction, yes and no, lists with commas.

    >>> shown(0.123456), shown(True), shown([1, None]), shown({"a_b": 2})
    ('0.1235', 'yes', '1, –', 'a b 2')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name_of(key)} {shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)


def name_of(key: str) -> str:
    """Write the name of a field for people.

    >>> name_of("pr_auc"), name_of("flagged_share")
    ('PR-AUC', 'flagged share')
    """
    return NAMES.get(key, key.replace("_", " "))


def _side_by_side(version: ModelVersion, serving: ModelVersion | None) -> Section | None:
    if serving is None or serving.version == version.version or read_card(serving) is None:
        return None
    own, other = headline_scores(version), headline_scores(serving)
    rows = tuple((name_of(name), shown(own[name]), shown(other[name])) for name in own if name in other)
    note = "Each measured on the visits its own card names; the gate compares on the same days."
    header = ("", f"this version {version.version}", f"serving {serving.version}")
    return Section("Beside the version that serves", header, rows, note) if rows else None


def _card_sections(card: Mapping[str, Any]) -> Iterator[Section]:
    order = [*(name for name in TITLES if name in card), *(name for name in card if name not in TITLES)]
    single = {name: card[name] for name in order if not isinstance(card[name], Mapping | list)}
    if single:
        yield Section("Training", (), _pairs(single))
    for name in order:
        if name not in single:
            yield from _part(TITLES.get(name, name_of(name).capitalize()), card[name], NOTES.get(name, ""))


def _part(title: str, part: Any, note: str) -> Iterator[Section]:
    if isinstance(part, list):
        if part and all(isinstance(item, Mapping) for item in part):
            yield _table(title, part, note)
        elif part:
            yield Section(title, (), (("", shown(part)),), note)
        return
    if part and all(isinstance(item, Mapping) for item in part.values()):
        yield _table(title, [{"": name_of(name), **item} for name, item in part.items()], note)
        return
    inner = {name: item for name, item in part.items() if _is_table(item)}
    pairs = {name: item for name, item in part.items() if name not in inner}
    if pairs:
        yield Section(title, (), _pairs(pairs), note)
    for name, item in inner.items():
        yield _table(f"{title}: {name_of(name)}", item, "" if pairs else note)


def _table(title: str, rows: Sequence[Mapping[str, Any]], note: str) -> Section:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = tuple(tuple(shown(row.get(name)) for name in columns) for row in rows)
    return Section(title, tuple(map(name_of, columns)), cells, note)


def _pairs(values: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple((name_of(name), shown(value)) for name, value in values.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
