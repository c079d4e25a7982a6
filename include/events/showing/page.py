"""The page of intake: what each project sent, what waits, the last loads, what was rejected and what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from include.events.envelope.codes import CODES
from include.events.loading.status import InboxStatus
from include.events.showing.bars import day_bars
from include.events.showing.figures import ProjectFigures, Rejections
from include.pages import html_grid, html_page, minute_of

SHOWN_DAYS, SHOWN_PROJECTS, SHOWN_LOADS = 14, 100, 10
LATE_SECONDS = 120  # loading promises to be no further behind
LONGEST_NAME_CHARS = 80
BAR_STYLE = (
    "<style>.bars rect.accepted{fill:#2f7d57}.bars rect.duplicates{fill:#8a94a3}.bars rect.rejected{fill:#c0492f}"
    ".bars rect.floor{fill:#8a94a3}.late{color:#c0492f;font-weight:600}</style>"
)


def intake_page(
    status: InboxStatus, projects: Sequence[ProjectFigures], loads: Sequence[Mapping[str, Any]], now: dt.datetime
) -> str:
    """Show how intake is doing.

    Args:
        status: the inbox now.
        projects: figures of the last ``SHOWN_DAYS`` days.
        loads: the last loads, newest first.
        now: aware instant of the page.

    Returns:
        HTML.
    """
    shown = list(projects[:SHOWN_PROJECTS])
    left_out = len(projects) - len(shown)
    parts = [
        BAR_STYLE,
        "<h1>Events</h1><p class='quiet'>What senders sent in the last "
        f"{SHOWN_DAYS} days (UTC), and how far it is on its way into ClickHouse.</p>",
        _now(status),
        "<h2>Projects</h2>",
        _projects(shown, now) if shown else "<p>No event has been received in these days.</p>",
        f"<p class='quiet'>{left_out} projects that sent less are not shown.</p>" if left_out else "",
        "<h2>Rejected events that wait for a correction</h2>",
        _rejections(shown),
        "<h2>Last loads</h2>",
        _loads(loads),
    ]
    return html_page("Events", "".join(parts))


def _now(status: InboxStatus) -> str:
    lag = f"{status.lag_seconds:.0f} s"
    late = status.lag_seconds > LATE_SECONDS
    words = [
        f"<b>{status.waiting_events}</b> events wait in {status.waiting_batches} batches",
        f"the oldest for <span class='{'late' if late else ''}'>{lag}</span>" if status.waiting_events else "",
        f"last loaded {minute_of(status.last_landed_at)} UTC" if status.last_landed_at else "nothing loaded yet",
    ]
    told = f"<p>{', '.join(word for word in words if word)}.</p>"
    if late:
        told += "<p>Loading is late: is the DAG <code>event_loading</code> switched on, and does ClickHouse answer?</p>"
    if status.failure:
        told += f"<p class='late'>ClickHouse refuses a load: {escape(status.failure)}</p>"
    return told


def _projects(projects: Sequence[ProjectFigures], now: dt.datetime) -> str:
    today = now.astimezone(dt.UTC).date()
    days = [today - dt.timedelta(days=back) for back in reversed(range(SHOWN_DAYS))]
    header = ("project", "received", "accepted", "duplicates", "rejected", "waiting", "oldest waits", "per day")
    rows, dressed = [], []
    for project in projects:
        total = project.total
        counts = (total.received, total.accepted, total.duplicates, total.rejected, project.waiting)
        waits = f"{(now - project.oldest_at).total_seconds():.0f} s" if project.oldest_at else "–"
        cells = [_name(project), *map(str, counts), waits]
        rows.append([*cells, ""])
        code = f"<br><span class='quiet'>{escape(project.project)}</span>" if project.app_name else ""
        dressed.append([escape(cells[0]) + code, *map(escape, cells[1:]), day_bars(project.days, days)])
    return html_grid(header, rows, dressed)


def _rejections(projects: Sequence[ProjectFigures]) -> str:
    header = ("project", "code", "events", "newest (UTC)", "for example", "what to do")
    rows = [
        (
            _name(project),
            one.code,
            str(one.event_count),
            minute_of(one.newest_at),
            _example(one),
            CODES.get(one.code, "Correct the sender."),
        )
        for project in projects
        for one in project.rejections
    ]
    if not rows:
        return "<p>None.</p>"
    hint = "After a schema or a setting of the app was corrected, replay them: <code>POST /quarantine/replay</code>."
    return f"<p class='quiet'>{hint}</p>{html_grid(header, rows)}"


def _example(one: Rejections) -> str:
    """The newest event and what was wrong with it, without the advice that has a column of its own."""
    wrong = one.message.removesuffix(CODES.get(one.code, "")).strip()
    return _cut(f"{one.event_name}: {wrong}" if one.event_name else wrong)


def _loads(loads: Sequence[Mapping[str, Any]]) -> str:
    header = ("load", "batches", "events", "landed", "attempts", "received (UTC)", "landed (UTC)", "seconds")
    rows = [
        (
            str(load["load_id"]),
            str(load["batch_count"]),
            str(load["event_count"]),
            "–" if load["landed_count"] is None else str(load["landed_count"]),
            str(load["attempt_count"]),
            minute_of(load["first_received_at"]),
            minute_of(load["landed_at"]),
            "–" if load["duration_seconds"] is None else f"{load['duration_seconds']:.2f}",
        )
        for load in loads
    ]
    return html_grid(header, rows) if rows else "<p>None yet.</p>"


def _name(project: ProjectFigures) -> str:
    return _cut(project.app_name or project.project)


def _cut(text: str) -> str:
    return text if len(text) <= 2 * LONGEST_NAME_CHARS else text[: 2 * LONGEST_NAME_CHARS - 1] + "…"
