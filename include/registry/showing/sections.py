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
    "comparison": "Against the version that decides, on the same visits",
    "gate": "Gate",
    "threshold": "Threshold and how it was chosen",
    "held_out": "Check on later visits that were held out",
    "devices": "By device",
    "deciles": "By tenth of the score",
    "candidates": "Candidates",
    "calibration": "Calibration",
    "features": "Features",
    "importances": "Worth of the features",
    "feature_quantiles": "Values of the features",
    "libraries": "Library versions",
    "sources": "Methods",
}
SCORE_COLUMNS = {"scores": "this version", "raw_scores": "before calibration", "baseline_scores": "logistic baseline"}
QUANTILES = ("lowest", "quarter", "half", "three quarters", "highest")
NAMES = {
    "pr_auc": "PR-AUC",
    "pr_auc_lost": "PR-AUC lost",
    "roc_auc": "ROC-AUC",
    "model_pr_auc": "model PR-AUC",
    "model_roc_auc": "model ROC-AUC",
    "model_ece": "model ECE",
    "ece": "ECE",
    "brier": "Brier",
    "sha256": "SHA-256",
}
NOTES = {
    "scores": "PR-AUC and ROC-AUC say how well level 4+ visits are ranked above the others: 1 is perfect, chance is "
    "the positive share and 0.5. Brier and ECE say how far the probabilities are from what happened: 0 is perfect. "
    "Measured on clients the model had not seen; the version that decides, on the visits of its own card.",
    "deciles": "Visits ordered by probability, highest first, in ten equal parts.",
    "importances": "How far PR-AUC falls when the values of a feature are shuffled among held-out visits; about 0: not "
    "used. Features that say the same share their worth.",
    "feature_quantiles": "Of the visits learnt from.",
}
HIDDEN = ("scores", "card", "plots", "origin", "features")
LEAST_SHOWN = 0.0005  # smaller shares would be shown as 0.000
MOST_INLINE = 3  # values of an inner object that are still read easily in one line


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
        serving: the version that decides now, for scores side by side; None when there is none.

    Returns:
        What it is, its scores beside those of the deciding version, then the parts of its card in order.
    """
    view = card_view(version)
    card = view["card"] or {}
    facts = {name: value for name, value in view.items() if name not in HIDDEN} | view["origin"]
    single = {name: value for name, value in card.items() if not isinstance(value, Mapping | list)}
    if "features" not in card:
        facts["features"] = view["features"]
    return [
        Section("Version", (), _pairs({**facts, **{name: v for name, v in single.items() if name not in facts}})),
        *_scores(card, version, serving),
        *_card_sections({name: part for name, part in card.items() if name not in {*single, *SCORE_COLUMNS}}),
    ]


def shown(value: Any) -> str:
    """Write a value of a card for people.

    Args:
        value: anything JSON holds.

    Returns:
        One line: three digits of a share, yes and no, lists with commas.

    >>> shown(0.123456), shown(True), shown([1, None]), shown({"a_b": 2})
    ('0.123', 'yes', '1, –', 'a b 2')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if LEAST_SHOWN <= abs(value) <= 1 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name_of(key)} {shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "–"
    return str(value)


def name_of(key: str) -> str:
    """Write the name of a field for people.

    >>> name_of("pr_auc"), name_of("flagged_share")
    ('PR-AUC', 'flagged share')
    """
    return NAMES.get(key, key.replace("_", " "))


def _scores(card: Mapping[str, Any], version: ModelVersion, serving: ModelVersion | None) -> Iterator[Section]:
    """Scores side by side: this version, what it was before calibration, the baseline, the deciding version."""
    columns = {title: card[name] for name, title in SCORE_COLUMNS.items() if isinstance(card.get(name), Mapping)}
    own = columns.get(SCORE_COLUMNS["scores"])
    if own is None:
        return
    if any(isinstance(value, Mapping) for value in own.values()):
        yield from _part("Scores", own, NOTES["scores"])
        return
    if serving is not None and serving.version != version.version and read_card(serving) is not None:
        columns[f"{serving.version}, which decides"] = headline_scores(serving)
    measures = dict.fromkeys(name for scores in columns.values() for name in scores)
    rows = tuple((name_of(name), *(shown(scores.get(name)) for scores in columns.values())) for name in measures)
    yield Section("Scores", ("", *columns), rows, NOTES["scores"])


def _card_sections(card: Mapping[str, Any]) -> Iterator[Section]:
    for name in [*(name for name in TITLES if name in card), *(name for name in card if name not in TITLES)]:
        yield from _part(TITLES.get(name, name_of(name).capitalize()), card[name], NOTES.get(name, ""))


def _part(title: str, part: Any, note: str) -> Iterator[Section]:
    if isinstance(part, list):
        if part and all(isinstance(item, Mapping) for item in part):
            yield _table(title, part, note)
        elif part:
            yield Section(title, (), (("", shown(part)),), note)
        return
    kinds = {type(item) for item in part.values()}
    if kinds == {dict}:
        yield _table(title, [{"": name_of(name), **item} for name, item in part.items()], note)
    elif kinds == {list} and {len(item) for item in part.values()} == {len(QUANTILES)}:
        rows = tuple((name, *map(shown, item)) for name, item in part.items())  # features by their own names
        yield Section(title, ("", *QUANTILES), rows, note)
    else:
        yield from _mixed(title, part, note)


def _mixed(title: str, part: Mapping[str, Any], note: str) -> Iterator[Section]:
    """Values as pairs; inner tables and larger inner objects as sections of their own."""
    inner = {name: item for name, item in part.items() if _is_large(item)}
    pairs = {name: item for name, item in part.items() if name not in inner}
    if pairs:
        yield Section(title, (), _pairs(pairs), note)
    for name, item in inner.items():
        yield from _part(f"{title}: {name_of(name)}", item, "" if pairs else note)


def _table(title: str, rows: Sequence[Mapping[str, Any]], note: str) -> Section:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = tuple(tuple(shown(row.get(name)) for name in columns) for row in rows)
    return Section(title, tuple(map(name_of, columns)), cells, note)


def _pairs(values: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple((name_of(name), shown(value)) for name, value in values.items())


def _is_large(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping) and len(value) > MOST_INLINE
