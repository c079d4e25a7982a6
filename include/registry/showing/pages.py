"""The registry as pages that need nothing from elsewhere: no script, no style sheet, plots inside.

Everything that comes from a store is escaped, for names of files and features are written by others. The policy
in the page's head holds even when the page is opened from a folder.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from include.pages import html_grid, html_page, minute_of
from include.registry.cards import read_card
from include.registry.promotions import Promotion
from include.registry.showing.sections import Section, name_of, shown, version_sections
from include.registry.showing.views import HEADLINES, headline_scores
from include.registry.versions import PRODUCTION, ModelVersion


def registry_page(versions: Sequence[ModelVersion], history: Sequence[Promotion], *, link: str = "") -> str:
    """All models on one page: which version serves, all versions with their scores, what served when.

    Args:
        versions: every version, by name, newest first.
        history: promotions, oldest first.
        link: address below which ``/<name>/<version>`` shows a card.

    Returns:
        HTML.
    """
    names = list(dict.fromkeys(version.name for version in versions))
    parts = [
        "<h1>Models</h1><p class='quiet'>Versions that decide, beside rule 180-5-5, which visits are level 4+. "
        "A version decides while it is in production; each change is in the history below it.</p>"
    ]
    if not names:
        parts.append(
            "<p>No model is registered yet: the rule decides alone. Bring one in with "
            "<code>python -m include visits import-model FOLDER</code>.</p>"
        )
    for name in names:
        own = [version for version in versions if version.name == name]
        parts += [_model(name, own, link), _history([one for one in history if one.name == name])]
    return html_page("Models", "".join(parts))


def card_page(
    version: ModelVersion, plots: Mapping[str, bytes], *, serving: ModelVersion | None = None, back: str = ""
) -> str:
    """One version on one page.

    Args:
        version: the registered version.
        plots: PNG bytes by name.
        serving: the version that serves now, or None.
        back: address of the list; empty for a page that stands alone.

    Returns:
        HTML.
    """
    title = f"{version.name} {version.version}"
    way = f"<p><a href='{escape(back)}'>All models</a></p>" if back else ""
    head = f"{way}<h1>{escape(title)} {_badge(version.stage)}</h1>"
    pictures = "".join(_picture(name, data) for name, data in plots.items())
    body = [head, f"<div class='plots'>{pictures}</div>" if pictures else ""]
    card = read_card(version)
    lost = [name_of(name) for name in (card.plots if card else ()) if name not in plots]
    if lost:
        body.append(f"<p>Not shown, for the file is missing or another one: {escape(', '.join(lost))}.</p>")
    if card is None:
        body.append("<p class='quiet'>This version came without a card: nothing is known of how it was measured.</p>")
    sections = "".join(f"<section>{_section(section)}</section>" for section in version_sections(version, serving))
    return html_page(title, "".join([*body, f"<div class='parts'>{sections}</div>"]))


def _model(name: str, versions: Sequence[ModelVersion], link: str) -> str:
    serving = next((version for version in versions if version.stage == PRODUCTION), None)
    if serving is None:
        told = "No version is in production: the rule decides alone."
    else:
        told = (
            f"<b>{escape(serving.version)}</b> decides since {minute_of(serving.promoted_at)[:10]}: "
            f"a visit is level 4+ when its probability is above {escape(shown(serving.threshold))}."
        )
    scores = [headline for headline in HEADLINES if any(headline in headline_scores(one) for one in versions)]
    header = ("version", "stage", "threshold", *map(name_of, scores), "registered (UTC)", "put into production (UTC)")
    rows = [_version_cells(version, scores) for version in versions]
    dressed = [_dressed(version, cells, link) for version, cells in zip(versions, rows, strict=True)]
    kinds = ["serves" if version.stage == PRODUCTION else "" for version in versions]
    return f"<h2>{escape(name)}</h2><p>{told}</p>{html_grid(header, rows, dressed, kinds)}"


def _version_cells(version: ModelVersion, scores: Sequence[str]) -> tuple[str, ...]:
    found = headline_scores(version)
    return (
        version.version,
        version.stage,
        shown(version.threshold),
        *(shown(found.get(name)) for name in scores),
        minute_of(version.registered_at),
        minute_of(version.promoted_at),
    )


def _dressed(version: ModelVersion, cells: Sequence[str], link: str) -> tuple[str, ...]:
    """The cells as HTML: the version leads to its card, the stage is a badge."""
    address = f"{link}/{quote(version.name, safe='')}/{quote(version.version, safe='')}"
    lead = f"<a href='{escape(address)}'>{escape(version.version)}</a>"
    return (lead, _badge(version.stage), *map(escape, cells[2:]))


def _history(history: Sequence[Promotion]) -> str:
    if not history:
        return ""
    rows = [
        (minute_of(one.promoted_at), one.version, one.replaced_version or "–", name_of(one.cause), one.run_id or "–")
        for one in reversed(history)
    ]
    section = Section("", ("when (UTC)", "version", "replaced", "cause", "run"), tuple(rows))
    return f"<details><summary class='quiet'>History ({len(rows)})</summary>{_section(section)}</details>"


def _section(section: Section) -> str:
    title = f"<h2>{escape(section.title)}</h2>" if section.title else ""
    note = f"<p class='quiet'>{escape(section.note)}</p>" if section.note else ""
    if section.header:
        return f"{title}{note}{html_grid(section.header, section.rows)}"
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in section.rows)
    return f"{title}{note}<div class='wide'><table>{rows}</table></div>"


def _badge(stage: str) -> str:
    return f"<span class='badge {escape(stage)}'>{escape(stage)}</span>"


def _picture(name: str, data: bytes) -> str:
    return f"<img alt='{escape(name_of(name))}' src='data:image/png;base64,{base64.b64encode(data).decode()}'>"
