"""The page of learning metrics: courses, the last week against the one before, who comes back, what was restated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from include.metrics.courses import LearningCourse
from include.metrics.names import VERSIONS, Metric
from include.metrics.periods.grains import ONE_DAY, Period
from include.metrics.reading.course_figures import CourseFigure
from include.metrics.reading.courses_listed import ListedCourse
from include.metrics.reading.restatements import Restatement
from include.metrics.retention.curves import Curves
from include.metrics.showing.drawing import DRAWING_STYLE, change_of, figure_of, spread_bars, triangle
from include.pages import html_grid, html_page, minute_of

SHOWN_COURSES, SHOWN_RESTATEMENTS, SHOWN_COHORTS = 50, 20, 8
LONGEST_NAME_CHARS = 80
WORDS = {
    Metric.RETENTION: "Retention",
    Metric.ENGAGEMENT_SCORE: "Engagement",
    Metric.COMPLETION_RATE: "Completion",
    Metric.TIME_ON_TASK: "Time on task",
    Metric.ACTIVITY_INDEX: "Activity index",
    Metric.FOCUS_RATIO: "Focus ratio",
}
ABOUT = (
    "<p class='quiet'>Six numbers per learner, course and period, calculated from events, each stored with its exact "
    "definition. The means below are over learners with a value; nobody without one counts as 0.</p>"
)


@dataclass(frozen=True)
class ShownCourse:
    """What the page says of one course.

    Attributes:
        course: the course.
        version: of the metrics, 1 or 2.
        week: a week that is over.
        before: the week before it.
        figures: of both weeks, all six metrics.
        sensitivity: mean time on task of the week by time-out in seconds; None when nobody has any.
        curves: retention of weekly cohorts up to the week.
        restatements: the newest first.
        restatement_count: how many there are in all.
    """

    course: LearningCourse
    version: int
    week: Period
    before: Period
    figures: Sequence[CourseFigure]
    sensitivity: Mapping[str, float] | None
    curves: Curves
    restatements: Sequence[Restatement]
    restatement_count: int


def metrics_page(courses: Sequence[ListedCourse], course_count: int, shown: ShownCourse | None) -> str:
    """Show the learning metrics.

    Args:
        courses: some courses to choose from.
        course_count: how many there are in all.
        shown: the chosen one; None while there is none.

    Returns:
        HTML.
    """
    parts = [DRAWING_STYLE, "<h1>Learning metrics</h1>", ABOUT, _courses(courses, course_count, shown)]
    if shown is not None:
        parts += [
            _week(shown),
            "<div class='parts'><section><h2>Who comes back</h2>",
            "<p class='quiet'>Share of those who began in a week that was active again exactly so many days after "
            f"their first day.</p>{triangle(shown.curves)}</section>",
            f"<section><h2>How much the time-out matters</h2>{_sensitivity(shown.sensitivity)}</section></div>",
            f"<h2>Restated lately</h2>{_restatements(shown)}",
        ]
    return html_page("Learning metrics", "".join(parts))


def _courses(courses: Sequence[ListedCourse], course_count: int, shown: ShownCourse | None) -> str:
    if not courses:
        return "<p>No course is registered and no event names one yet.</p>"
    header = ("course", "project", "zone", "learners", "days", "first day", "last day", "calculated (UTC)", "waiting")
    rows = [
        (
            _cut(one.course_id),
            _cut(one.project),
            one.time_zone,
            str(one.person_count),
            str(one.day_count),
            _day(one.first_day),
            _day(one.last_day),
            minute_of(one.last_calculated_at),
            _waiting(one.pending_day_count),
        )
        for one in courses
    ]
    dressed = [
        [_course_link(one, row[0], shown), *map(escape, row[1:])] for one, row in zip(courses, rows, strict=True)
    ]
    more = course_count - len(courses)
    tail = f"<p class='quiet'>{more} more courses are not shown; name one as ?course_id=….</p>" if more > 0 else ""
    return f"<h2>Courses</h2>{html_grid(header, rows, dressed)}{tail}"


def _waiting(day_count: int) -> str:
    if not day_count:
        return "nothing"
    return "1 day" if day_count == 1 else f"{day_count} days"


def _course_link(one: ListedCourse, name: str, shown: ShownCourse | None) -> str:
    is_here = shown is not None and (one.project, one.course_id) == (shown.course.project, shown.course.course_id)
    kind = " class='here'" if is_here else ""
    return f"<a{kind} href='{_address(project=one.project, course_id=one.course_id)}'>{escape(name)}</a>"


def _week(shown: ShownCourse) -> str:
    by_key = {(one.card.metric, one.period.start_at): one for one in shown.figures}
    header = (
        *("metric", "unit", "this week", "week before", "change"),
        *("median", "all together", "learners", "no value", "learners by value"),
    )
    rows, dressed = [], []
    for metric in Metric:
        now, before = (by_key.get((metric, period.start_at)) for period in (shown.week, shown.before))
        mean, earlier = (one.statistics.average_value if one else None for one in (now, before))
        cells = [
            WORDS[metric],
            now.card.course_unit if now else before.card.course_unit if before else "–",
            figure_of(mean),
            figure_of(earlier),
            "–",
            figure_of(now.statistics.median if now else None),
            figure_of(now.statistics.pooled_value if now else None),
            str(now.n_users) if now else "0",
            str(now.statistics.n_null) if now else "0",
            "",
        ]
        rows.append(cells)
        bars = spread_bars(now.statistics.distribution if now else None)
        dressed.append([*map(escape, cells[:4]), change_of(mean, earlier), *map(escape, cells[5:9]), bars])
    return f"<h2>{escape(_cut(shown.course.course_id))}: {_span(shown.week)}</h2>{_links(shown)}" + html_grid(
        header, rows, dressed
    )


def _links(shown: ShownCourse) -> str:
    """To the weeks around, and to the other version."""
    place = {"project": shown.course.project, "course_id": shown.course.course_id}
    earlier, later = shown.before.first_day, shown.week.end_day
    versions = " · ".join(
        f"<b>version {version}</b>"
        if version == shown.version
        else f"<a href='{_address(**place, week=shown.week.first_day, version=version)}'>version {version}</a>"
        for version in VERSIONS
    )
    return (
        f"<p class='quiet'>Against {_span(shown.before)}, days of {escape(shown.course.zone.key)} · "
        f"<a href='{_address(**place, week=earlier, version=shown.version)}'>week before</a> · "
        f"<a href='{_address(**place, week=later, version=shown.version)}'>week after</a> · {versions}</p>"
    )


def _sensitivity(sensitivity: Mapping[str, float] | None) -> str:
    if not sensitivity:
        return "<p>Nobody spent time on a task in this week.</p>"
    longest = max(sensitivity.values()) or 1.0
    rows = [(f"{int(timeout) // 60} min", figure_of(mean), "") for timeout, mean in sensitivity.items()]
    dressed = [
        [*row[:2], f"<svg width='160' height='12'><rect fill='#2767b0' width='{160 * mean / longest:.0f}' height='12'/>"
         "</svg>"]
        for row, mean in zip(rows, sensitivity.values(), strict=True)
    ]  # fmt: skip
    hint = "Mean time on task of the week in seconds (version 2), with gaps over the time-out left out."
    return f"<p class='quiet'>{hint}</p>{html_grid(('time-out', 'seconds', ''), rows, dressed)}"


def _restatements(shown: ShownCourse) -> str:
    if not shown.restatements:
        return "<p>No value of a closed period has changed.</p>"
    header = ("restated (UTC)", "metric", "version", "period", "learner", "was", "is", "why")
    rows = [
        (
            minute_of(one.restated_at),
            WORDS[one.metric],
            str(one.version),
            _span(one.period),
            one.person_id,
            figure_of(one.old_value),
            figure_of(one.new_value),
            one.cause.replace("_", " "),
        )
        for one in shown.restatements
    ]
    more = shown.restatement_count - len(rows)
    tail = f"<p class='quiet'>{more} older ones: <code>GET /api/v1/metrics/restatements</code>.</p>" if more else ""
    return html_grid(header, rows) + tail


def _address(**named: object) -> str:
    return escape("?" + urlencode({name: str(value) for name, value in named.items()}))


def _span(period: Period) -> str:
    last = period.end_day - ONE_DAY
    return f"{period.first_day}" if last == period.first_day else f"{period.first_day} to {last}"


def _day(day: dt.date | None) -> str:
    return "–" if day is None else day.isoformat()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME_CHARS else text[: LONGEST_NAME_CHARS - 1] + "…"
