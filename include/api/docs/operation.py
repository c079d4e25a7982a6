"""One route on the page: who may call it, what it takes, what it answers, how it is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from include.api.docs.samples import JSON_TYPE, NOTHING, curl_of, example_of, resolved

CODE = re.compile(r"`([^`]+)`")
PARAGRAPHS = re.compile(r"\n\s*\n")


def operation_html(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Show one route.

    Args:
        document: the OpenAPI document.
        method: HTTP method in capitals.
        path: its path.
        operation: its part of the document.

    Returns:
        HTML.
    """
    content = (operation.get("requestBody") or {}).get("content") or {}
    body = example_of(document, content)
    who = "; ".join(words_html(one) for one in operation["x-callers"])
    parts = [
        f"<p class='who'><b>Who:</b> {who}</p>",
        *(f"<p>{words_html(text)}</p>" for text in PARAGRAPHS.split(operation.get("description", "")) if text.strip()),
        _parameters(operation.get("parameters") or []),
        _body(document, content, body),
        _answers(document, operation["responses"]),
        f"<h4>From the shell</h4><pre>{escape(curl_of(method, path, operation, body))}</pre>",
    ]
    head = (
        f"<summary><span class='method {method.lower()}'>{method}</span><code>{escape(path)}</code>"
        f"<span class='does'>{escape(operation.get('summary', ''))}</span></summary>"
    )
    return f"<details id='{anchor_of(method, path)}'>{head}<div class='inside'>{''.join(parts)}</div></details>"


def anchor_of(method: str, path: str) -> str:
    """Give the name under which the page shows a route.

    Args:
        method: HTTP method.
        path: its path.

    Returns:
        Letters, digits and hyphens.

    >>> anchor_of("GET", "/apps/{app_code}")
    'get-apps-app_code'
    """
    return re.sub(r"[^a-z0-9_]+", "-", f"{method} {path}".lower()).strip("-")


def words_html(text: str) -> str:
    """Show a text in which backquotes mark code.

    Args:
        text: plain text.

    Returns:
        HTML.

    >>> words_html("DAG `a<b`")
    'DAG <code>a&lt;b</code>'
    """
    return CODE.sub(r"<code>\1</code>", escape(text.strip()))


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td><td>{_type(one.get('schema') or {})}</td>"
        f"<td>{words_html(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<h4>Parameters</h4>{_table('<th>Name</th><th>In</th><th>Type</th><th>Meaning</th>', rows)}"


def _body(document: Mapping[str, Any], content: Mapping[str, Any], example: Any) -> str:
    if not content:
        return ""
    schema = resolved(document, (content.get(JSON_TYPE) or {}).get("schema") or {})
    required = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(field)}</td><td>{'yes' if name in required else ''}</td>"
        f"<td>{words_html(field.get('description', ''))}</td></tr>"
        for name, field in (schema.get("properties") or {}).items()
    )
    fields = _table("<th>Field</th><th>Type</th><th>Required</th><th>Meaning</th>", rows) if rows else ""
    return f"<h4>Body</h4>{fields}{_shown(example)}"


def _answers(document: Mapping[str, Any], responses: Mapping[str, Any]) -> str:
    good = [(status, one) for status, one in responses.items() if status.startswith("2")]
    shown = "".join(
        f"<p><b>{status}</b> {words_html(one['description'])}</p>"
        f"{_shown(example_of(document, one.get('content') or {}))}"
        for status, one in good
    )
    rows = "".join(
        f"<tr><td>{status}</td><td>{words_html(one['description'])}</td></tr>"
        for status, one in responses.items()
        if not status.startswith("2")
    )
    return f"<h4>Answers</h4>{shown}{_table('<th>Status</th><th>When</th>', rows)}"


def _shown(example: Any) -> str:
    return "" if example is NOTHING else f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>"


def _table(head: str, rows: str) -> str:
    return f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if schema.get("enum"):
        return escape(", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items') or {})}"
    return escape(str(schema.get("type") or "object"))
