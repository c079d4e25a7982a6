"""All routes on one page, by topic, made of the OpenAPI document; no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from include.api.docs.operation import anchor_of, operation_html, words_html

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
TOPICS = {
    "accounts": "People who sign in: registering, tokens, roles.",
    "apps": "Apps, the events they may send, and their keys.",
    "events": "Sending events; what became of them; those that were rejected.",
    "statistics": "What the stored events of an app say.",
    "activities": "Activities of a shop.",
    "courses": "Courses: who teaches them, what they ask for.",
    "metrics": "Learning metrics: calculating, reading, what was restated, who comes back.",
    "visits": "Loading and scoring days of Metrika logs.",
    "conversions": "Sending level 4+ visits and single conversions to Metrika.",
    "models": "Versions of the models that decide about visits.",
    "pages": "Pages inside Airflow.",
    "system": "Health, and this description.",
}
INTRODUCTION = (
    "<p>All addresses are below <code>/counterflow</code> of the Airflow API server. The lines for the shell need two "
    "variables: <code>API</code>, such as <code>http://127.0.0.1:8080/counterflow</code>, and <code>AUTH</code>, such "
    "as <code>Authorization: Bearer …</code> with the token of an Airflow user, the access token of an account, or a "
    "key. Refusals are <code>application/problem+json</code> with a <code>code</code>, and <code>detail</code> says in "
    "words what was wrong. The same in a form for programs: <a href='openapi.json'>openapi.json</a>.</p>"
)
STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--quiet:#667085;--line:#e1e5ea;--back:#fff;--soft:#f5f7fa;--link:#2767b0}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--quiet:#9aa4b2;--line:#333b47;--back:#14181f;--soft:#1c222b;
--link:#7fb2ee}}
*{box-sizing:border-box}html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0;display:flex}
nav{width:21rem;flex:none;height:100vh;position:sticky;top:0;overflow:auto;padding:1.5rem 1rem;background:var(--soft);
border-right:1px solid var(--line);font-size:.85rem}
nav b{display:block;margin:1rem 0 .2rem}nav a{display:block;padding:.1rem 0;text-decoration:none;overflow-wrap:anywhere}
nav .method{font-size:.65rem;min-width:3.6rem;margin-right:.4rem}
main{padding:1.5rem 2rem 6rem;max-width:70rem;min-width:0;flex:1}
a{color:var(--link)}h1{font-size:1.6rem;margin:0 0 .4rem}h2{font-size:1.2rem;margin:2.2rem 0 .2rem}
h4{margin:1rem 0 .3rem;font-size:.95rem}p{margin:.25rem 0 .5rem}.quiet,.does{color:var(--quiet)}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;background:var(--back)}
summary{cursor:pointer;padding:.5rem .8rem;display:flex;gap:.7rem;align-items:baseline;flex-wrap:wrap}
summary:hover{background:var(--soft)}details[open]>summary{border-bottom:1px solid var(--line)}
details:target{border-color:var(--link)}.inside{padding:.6rem 1rem 1rem}
.method{display:inline-block;min-width:4.4rem;text-align:center;font-weight:700;font-size:.75rem;border-radius:.3rem;
padding:.08rem .4rem;color:#fff;background:#5a6677}.get{background:#1f6f43}.post{background:#2767b0}
.put{background:#8a5a00}.patch{background:#7a3e9d}.delete{background:#a92d2d}
.wide{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.25rem .9rem .25rem 0;text-align:left;
border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600;color:var(--quiet)}
code{background:var(--soft);padding:.08rem .3rem;border-radius:.3rem;overflow-wrap:anywhere}
summary code{background:none;padding:0}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem;overflow-x:auto;
font-size:.85rem;margin:.3rem 0 .6rem}
@media(max-width:60rem){body{display:block}nav{width:auto;height:auto;position:static}main{padding:1rem}}
"""


def docs_page(document: Mapping[str, Any]) -> str:
    """Show all routes.

    Args:
        document: the OpenAPI document.

    Returns:
        HTML.
    """
    groups = _by_topic(document)
    info = document["info"]
    menu = "".join(_menu(topic, found) for topic, found in groups.items())
    main = "".join(_group(document, topic, found) for topic, found in groups.items())
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}: the HTTP API</title>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{PAGE_POLICY.rpartition('; ')[0]}\">"
        f"<style>{STYLE}</style></head><body><nav>{menu}</nav>"
        f"<main><h1>{title}</h1><p>{escape(info.get('description', ''))}</p>{INTRODUCTION}{main}</main></body></html>"
    )


def _by_topic(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {topic: [] for topic in TOPICS}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            topic = (operation.get("tags") or ["system"])[0]
            found.setdefault(topic, []).append((method.upper(), path, operation))
    return {topic: routes for topic, routes in found.items() if routes}


def _menu(topic: str, routes: list[tuple[str, str, Mapping[str, Any]]]) -> str:
    links = "".join(
        f"<a href='#{anchor_of(method, path)}'><span class='method {method.lower()}'>{method}</span>{escape(path)}</a>"
        for method, path, _ in routes
    )
    return f"<b>{escape(topic.capitalize())}</b>{links}"


def _group(document: Mapping[str, Any], topic: str, routes: list[tuple[str, str, Mapping[str, Any]]]) -> str:
    about = words_html(TOPICS.get(topic, ""))
    shown = "".join(operation_html(document, method, path, operation) for method, path, operation in routes)
    return f"<section><h2>{escape(topic.capitalize())}</h2><p class='quiet'>{about}</p>{shown}</section>"
