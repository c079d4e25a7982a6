"""What changed in periods that were closed, and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select, tuple_

from include.accounts.texts import is_writable
from include.accounts.transactions import transaction
from include.metrics.names import Metric
from include.metrics.periods.grains import Grain, Period
from include.metrics.reading.asking import written
from include.metrics.reading.known import USER_ID, Courses
from include.state.tables import identities, metric_restatements, metric_slices, projects


@dataclass(frozen=True)
class Restatement:
    """One value of a closed period that changed.

    Attributes:
        restatement_id: grows with time.
        project: project of the course.
        course_id: the course.
        metric: which of the six.
        version: 1 or 2.
        card_digest: the definition, the same before and after.
        period: the period.
        person_id: the person.
        user_ids: external ids of the person, in order; empty for people who never gave one.
        old_value: the value before; None for none.
        new_value: the value after; None for none.
        old_sample_n: sample size before; 0 without a row.
        new_sample_n: sample size after; 0 without a row.
        cause: late_data, replay, day_closed, recalculation, definition_change or deletion.
        load_ids: loads whose events are behind it.
        run_id: the run that wrote it.
        restated_at: when, aware UTC.
    """

    restatement_id: int
    project: str
    course_id: str
    metric: Metric
    version: int
    card_digest: str
    period: Period
    person_id: str
    user_ids: tuple[str, ...]
    old_value: float | None
    new_value: float | None
    old_sample_n: int
    new_sample_n: int
    cause: str
    load_ids: tuple[int, ...]
    run_id: str
    restated_at: dt.datetime

    def document(self) -> dict[str, Any]:
        """The restatement as answers show it.

        Returns:
            Ready for JSON.
        """
        return {
            "restatement_id": self.restatement_id,
            "restated_at": written(self.restated_at),
            "project": self.project,
            "course_id": self.course_id,
            "metric_name": self.metric.value,
            "version": self.version,
            "person_id": self.person_id,
            "user_ids": list(self.user_ids),
            "period_start": written(self.period.start_at),
            "period_end": written(self.period.end_at),
            "grain": self.period.grain.value,
            "timezone": self.period.zone.key,
            "old_value": self.old_value,
            "new_value": self.new_value,
            "old_sample_n": self.old_sample_n,
            "new_sample_n": self.new_sample_n,
            "cause": self.cause,
            "load_ids": list(self.load_ids),
            "run_id": self.run_id,
            "card_digest": self.card_digest,
        }


@dataclass(frozen=True)
class RestatementPage:
    """Some of the restatements that were asked for.

    Attributes:
        items: the newest first.
        total: how many there are on all pages.
    """

    items: tuple[Restatement, ...]
    total: int


def restatements(
    engine: Engine,
    *,
    project: str | None = None,
    course_id: str | None = None,
    readable: Courses | None = None,
    from_at: dt.datetime | None = None,
    to_at: dt.datetime | None = None,
    metric: Metric | None = None,
    limit: int = 100,
    offset: int = 0,
) -> RestatementPage:
    """List restatements, the newest first.

    Args:
        engine: the state engine.
        project: of this project only.
        course_id: of courses with this id only.
        readable: of these courses only; None for all.
        from_at: restated at this instant or later, aware.
        to_at: restated before this instant, aware.
        metric: of this metric only.
        limit: most items of the page.
        offset: items before the page.

    Returns:
        The page. Of equal instants the one written later comes first.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    if not is_writable((project or "") + (course_id or "")):
        return RestatementPage((), 0)
    r, s = metric_restatements.c, metric_slices.c
    conditions = _conditions(project, course_id, readable, from_at, to_at, metric)
    joined = metric_restatements.join(metric_slices, r.slice_id == s.slice_id)
    page = (
        select(metric_restatements, *(column for column in metric_slices.c if column.key not in ("slice_id", "run_id")))
        .select_from(joined)
        .where(*conditions)
        .order_by(r.restated_at.desc(), r.restatement_id.desc())
        .limit(limit)
        .offset(offset)
    )
    with transaction(engine) as connection:
        total = connection.execute(select(func.count()).select_from(joined).where(*conditions)).scalar_one()
        rows = connection.execute(page).all()
        user_ids = _user_ids(connection, {(row.project, row.person_id) for row in rows})
    return RestatementPage(tuple(_restatement(row, user_ids) for row in rows), int(total))


def _conditions(
    project: str | None,
    course_id: str | None,
    readable: Courses | None,
    from_at: dt.datetime | None,
    to_at: dt.datetime | None,
    metric: Metric | None,
) -> list[ColumnElement[bool]]:
    r, s = metric_restatements.c, metric_slices.c
    found: list[ColumnElement[bool]] = []
    if project is not None:
        found.append(s.project == project)
    if course_id is not None:
        found.append(s.course_id == course_id)
    if readable is not None:
        found.append(tuple_(s.project, s.course_id).in_(sorted(readable)))
    if from_at is not None:
        found.append(r.restated_at >= from_at)
    if to_at is not None:
        found.append(r.restated_at < to_at)
    if metric is not None:
        found.append(s.metric == metric.value)
    return found


def _user_ids(connection: Connection, people: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
    i, p = identities.c, projects.c
    query: Select[Any] = (
        select(p.project, i.person_id, func.array_agg(i.external_id))
        .join(projects, p.project_number == i.project_number)
        .where(i.namespace == USER_ID, i.person_id.in_({person_id for _, person_id in people}))
        .group_by(p.project, i.person_id)
    )
    return {(project, person): tuple(sorted(names)) for project, person, names in connection.execute(query)}


def _restatement(row: Any, user_ids: dict[tuple[str, str], tuple[str, ...]]) -> Restatement:
    return Restatement(
        restatement_id=row.restatement_id,
        project=row.project,
        course_id=row.course_id,
        metric=Metric(row.metric),
        version=row.version,
        card_digest=row.card_digest,
        period=Period(Grain(row.grain), row.period_start_at, row.period_end_at, ZoneInfo(row.time_zone)),
        person_id=row.person_id,
        user_ids=user_ids.get((row.project, row.person_id), ()),
        old_value=row.old_value,
        new_value=row.new_value,
        old_sample_n=row.old_sample_n,
        new_sample_n=row.new_sample_n,
        cause=row.cause,
        load_ids=tuple(row.load_ids),
        run_id=row.run_id,
        restated_at=row.restated_at,
    )
