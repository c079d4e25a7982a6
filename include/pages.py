"""The frame of every page inside Airflow: one style, a policy that allows no script, tables.

Pages need nothing from elsewhere. Everything that comes from a store must be escaped by who puts it in, for names are
written by others. The policy in the page's head holds even when the page is opened from a folder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape

PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
PAGE_HEADERS = {"Content-Security-Policy": f"{PAGE_POLICY}; frame-ancestors 'self'", "Referrer-Policy": "no-referrer"}
STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--quiet:#667085;--line:#e1e5ea;--back:#fff;--soft:#f5f7fa;--good:#12703a;
--goodback:#dff3e6}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--quiet:#9aa4b2;--line:#333b47;--back:#14181f;--soft:#1c222b;
--good:#7ddba0;--goodback:#173524}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0 auto;padding:1.5rem 2rem;
max-width:76rem}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .4rem}p{margin:.2rem 0 .6rem;max-width:60rem}
.quiet{color:var(--quiet)}a{color:#2767b0}@media(prefers-color-scheme:dark){a{color:#7fb2ee}}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.28rem .9rem .28rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--quiet);white-space:nowrap}td.n,th.n{text-align:right}
tr.serves td{background:var(--goodback)}td:first-child,th:first-child{padding-left:.5rem}
.badge{padding:.05rem .55rem;border-radius:1rem;background:var(--soft);border:1px solid var(--line);font-size:.85rem}
.badge.production{color:var(--good);background:var(--goodback);border-color:transparent}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(28rem,1fr));gap:1rem;margin-top:1rem}
.plots img{width:100%;border:1px solid var(--line);border-radius:.5rem;background:#fff}
.parts{display:flex;flex-wrap:wrap;gap:0 3.5rem;align-items:flex-start}.parts section{max-width:100%}
code{background:var(--soft);padding:.1rem .35rem;border-radius:.3rem;overflow-wrap:anywhere}
"""


def html_page(title: str, body: str) -> str:
    """Put a page together.

    Args:
        title: as text.
        body: HTML.

    Returns:
        The whole document.
    """
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{PAGE_POLICY}">'
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def html_grid(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dressed: Sequence[Sequence[str]] | None = None,
    kinds: Sequence[str] = (),
) -> str:
    """A table; columns of figures stand to the right.

    Args:
        header: names of the columns.
        rows: cells as text.
        dressed: the same cells as HTML; None to escape the text.
        kinds: class of each row.
    """
    sides = [" class='n'" if all(_is_figure(row[place]) for row in rows) else "" for place in range(len(header))]
    html = dressed or [[escape(text) for text in row] for row in rows]
    lines = [_line("th", sides, [escape(name) for name in header])]
    lines += [_line("td", sides, row, kinds[number] if kinds else "") for number, row in enumerate(html)]
    return f"<div class='wide'><table>{''.join(lines)}</table></div>"


def _line(tag: str, sides: Sequence[str], cells: Sequence[str], kind: str = "") -> str:
    inner = "".join(f"<{tag}{side}>{cell}</{tag}>" for side, cell in zip(sides, cells, strict=True))
    return f"<tr class='{kind}'>{inner}</tr>" if kind else f"<tr>{inner}</tr>"


def _is_figure(text: str) -> bool:
    return text == "–" or text.lstrip("-").replace(".", "", 1).replace("e-", "", 1).isdigit()


def minute_of(moment: dt.datetime | None) -> str:
    """Write a moment to the minute, UTC.

    Args:
        moment: aware, or None.

    Returns:
        Date and time, or a dash.
    """
    return "–" if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
