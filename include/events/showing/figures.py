"""The figures of the page: what each project sent, what waits, what was rejected."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from include.state.engine import reachable

# Grain: one project and UTC day. Replays are left out: what they bring in was counted when it was first sent.
_DAYS = text("""
SELECT p.project, p.app_name, (r.received_at AT TIME ZONE 'UTC')::date AS day,
    sum(r.received_count) AS received, sum(r.accepted_count) AS accepted,
    sum(r.duplicate_count) AS duplicates, sum(r.rejected_count) AS rejected
FROM receipts r JOIN projects p USING (project_number)
WHERE r.received_at >= :since AND r.principal <> 'replay'
GROUP BY p.project, p.app_name, day
""")
# Grain: one project with something in the inbox.
_WAITING = text("""
SELECT p.project, p.app_name, sum(i.event_count) AS waiting, min(i.received_at) AS oldest_at
FROM inbox_batches i JOIN receipts r USING (receipt_number) JOIN projects p USING (project_number)
GROUP BY p.project, p.app_name
""")
# Grain: one project and code with open rejections; one of the sentences as an example.
_REJECTIONS = text("""
SELECT p.project, p.app_name, q.code, count(*) AS event_count, max(q.received_at) AS newest_at,
    (array_agg(q.event_name || chr(10) || q.message ORDER BY q.received_at DESC))[1] AS example
FROM event_quarantine q JOIN projects p USING (project_number)
WHERE q.status = 'open'
GROUP BY p.project, p.app_name, q.code
""")


@dataclass(frozen=True)
class DayCounts:
    """Events of one UTC day; received = accepted + duplicates + rejected.

    Attributes:
        received: sent to us.
        accepted: stored.
        duplicates: stored before.
        rejected: put into quarantine.
    """

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0

    def __add__(self, other: DayCounts) -> DayCounts:
        """Add two days."""
        return DayCounts(
            self.received + other.received,
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True)
class Rejections:
    """Open rejections of one code.

    Attributes:
        code: the rule that was broken.
        event_count: how many events wait for a correction.
        newest_at: when the newest came, aware.
        event_name: name of the newest, as sent.
        message: what was wrong with it.
    """

    code: str
    event_count: int
    newest_at: dt.datetime
    event_name: str
    message: str


@dataclass
class ProjectFigures:
    """One project.

    Attributes:
        project: app code, or ``default``.
        app_name: its name.
        days: counts by UTC day; days without events are absent.
        waiting: events that are accepted and not loaded.
        oldest_at: when the oldest of them was received, aware; None when none waits.
        rejections: open ones, the most first.
    """

    project: str
    app_name: str
    days: dict[dt.date, DayCounts] = field(default_factory=dict)
    waiting: int = 0
    oldest_at: dt.datetime | None = None
    rejections: list[Rejections] = field(default_factory=list)

    @property
    def total(self) -> DayCounts:
        """Counts of all days."""
        return sum(self.days.values(), DayCounts())


def read_figures(engine: Engine, since: dt.datetime) -> list[ProjectFigures]:
    """Read the figures of all projects that have any.

    Args:
        engine: the state engine.
        since: first instant of reception that counts, aware.

    Returns:
        Projects, those that sent most first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(engine), engine.connect() as connection:
        days = connection.execute(_DAYS, {"since": since}).mappings().all()
        waiting = connection.execute(_WAITING).mappings().all()
        rejections = connection.execute(_REJECTIONS).mappings().all()
    found: dict[str, ProjectFigures] = {}

    def of(row: Mapping[Any, Any]) -> ProjectFigures:
        """The project of a row."""
        return found.setdefault(row["project"], ProjectFigures(row["project"], row["app_name"]))

    for row in days:
        of(row).days[row["day"]] = DayCounts(
            int(row["received"]), int(row["accepted"]), int(row["duplicates"]), int(row["rejected"])
        )
    for row in waiting:
        project = of(row)
        project.waiting, project.oldest_at = int(row["waiting"]), row["oldest_at"]
    for row in rejections:
        name, _, message = row["example"].partition("\n")
        of(row).rejections.append(Rejections(row["code"], int(row["event_count"]), row["newest_at"], name, message))
    for project in found.values():
        project.rejections.sort(key=lambda one: (-one.event_count, one.code))
    return sorted(found.values(), key=lambda one: (-one.total.received, one.project))
