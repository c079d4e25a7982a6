"""Reports as one HTML page: tables, and a bar per watched feature; no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.visits.monitoring.checks import LARGE_PSI

if TYPE_CHECKING:
    from include.visits.monitoring.report_day import DayReport

STYLE = (
    "body{font:14px sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.2em .6em;border-bottom:1px solid #ddd;text-align:left}.drift{color:#b00020;font-weight:bold}"
)
BAR_PIXELS, BAR_PSI = 160, 2 * LARGE_PSI  # a bar of this length stands for this much or more
COLOURS = {"drift": "#b00020", "small_change": "#e0a000", "steady": "#3a7d44", "not_judged": "#bbbbbb"}
CHECK_COLUMNS = ("scope", "feature", "visits", "mean", "reference_mean", "psi", "p_adjusted", "verdict")
MARGIN_COLUMNS = ("device", "version", "threshold", "asked", "flagged", "lost", "won", "share")
DECILE_COLUMNS = ("decile", "visits", "mean_predicted", "observed_share", "low", "high")


def write_page(path: Path, reports: Sequence[DayReport]) -> None:
    """Write reports as a page that any browser shows.

    Args:
        path: the file; its folder must exist.
        reports: in the order they are to be shown.
    """
    sections = "".join(_section(report) for report in reports) or "<p>No scored day in this range.</p>"
    head = f"<meta charset='utf-8'><title>Visit monitoring</title><style>{STYLE}</style>"
    path.write_text(f"<!doctype html><html><head>{head}</head><body>{sections}</body></html>", encoding="utf-8")


def _section(report: DayReport) -> str:
    state = "waits for approval" if report.is_blocked else "not held"
    parts = [f"<h2>Day {report.day}, counter {report.counter_id}: {state}</h2>"]
    parts.append(_table((*CHECK_COLUMNS, ""), (_check_row(check) for check in report.content["checks"])))
    parts.append("<h3>Decisions close to the threshold</h3>")
    parts.append(_table(MARGIN_COLUMNS, (_cells(one, MARGIN_COLUMNS) for one in report.content["margins"])))
    for entry in report.content["calibration"]:
        found = entry["calibration"]
        title = f"{entry['device']} {entry['version']}: {found['visits']} labels {entry['source']}, {found['verdict']}"
        parts.append(f"<h3>{escape(title)}</h3>")
        parts.append(_table(DECILE_COLUMNS, (_cells(one, DECILE_COLUMNS) for one in found["deciles"])))
    return "".join(parts)


def _check_row(check: Mapping[str, Any]) -> list[str]:
    width = min(1.0, (check["psi"] or 0.0) / BAR_PSI) * BAR_PIXELS
    colour = COLOURS[check["verdict"]]
    bar = f"<svg width='{BAR_PIXELS}' height='10'><rect width='{width:.0f}' height='10' fill='{colour}'/></svg>"
    cells = _cells(check, CHECK_COLUMNS)
    return [*cells[:-1], f"<span class='{check['verdict']}'>{cells[-1]}</span>", bar]


def _cells(row: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    values = (row[name] for name in names)
    return [
        f"{value:.4g}" if isinstance(value, float) else escape(str("" if value is None else value)) for value in values
    ]


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
