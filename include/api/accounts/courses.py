"""Routes of courses: who teaches them, what they ask for, the zone of their days."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from include.accounts.courses import (
    Course,
    CourseItem,
    courses_of_teacher,
    projects_of_course,
    read_course,
    write_course,
)
from include.accounts.roles import ADMIN, TEACHER
from include.api.accounts.who import actor_of
from include.api.context import ApiContext
from include.api.gate.callers import Caller
from include.api.gate.policies import METRICS_ANCHOR, READ, Rules, write
from include.api.gate.problems import Refusal, invalid, not_found
from include.api.gate.routing import Routes
from include.days import zone_of
from include.errors import InputError
from include.metrics.courses import learning_course
from include.state.engine import reachable

DEFAULT_PROJECT = "default"
MOST_TEACHERS, MOST_ITEMS = 1000, 10_000
_COURSE: dict[str, Any] = {
    "teachers": ["5f0c9b6e-2f6f-4d0e-9b7a-0d7c1f2a3b4c"],
    "items": [{"item_id": "lesson-1", "module_id": "module-1", "required": True}],
    "timezone": "Europe/Moscow",
}
ProjectQuery = Annotated[
    str | None,
    Query(max_length=128, description="Project of the course; without it the only one that has such a course."),
]


class ItemBody(BaseModel):
    """One thing a course asks for."""

    model_config = ConfigDict(extra="forbid")
    item_id: StrictStr
    module_id: StrictStr | None = None
    required: StrictBool = Field(default=True, description="Completing the course needs it.")


class CourseBody(BaseModel):
    """A course; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_COURSE]})
    teachers: list[StrictStr] | None = Field(
        default=None, max_length=MOST_TEACHERS, description="Accounts with the role teacher, by id."
    )
    items: list[ItemBody] | None = Field(default=None, max_length=MOST_ITEMS)
    timezone: StrictStr | None = Field(
        default=None, description="IANA zone of its days; a new course takes the zone of its project."
    )
    project: StrictStr | None = Field(default=None, description="May be given in the query instead.")


class CourseView(BaseModel):
    """A course as it is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "project": DEFAULT_PROJECT,
                    "course_id": "algebra",
                    **_COURSE,
                    "updated_by": "airflow:admin",
                    "updated_at": "2025-07-01T12:00:00.000Z",
                }
            ]
        }
    )
    project: str
    course_id: str
    timezone: str
    teachers: list[str]
    items: list[ItemBody]
    updated_by: str
    updated_at: str


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    courses = Courses(context)
    options: dict[str, Any] = {"tags": ["courses"], "errors": (404,), "response_model": CourseView}
    path = "/api/v1/courses/{course_id}"
    reading = Rules(READ.also(roles=(TEACHER, ADMIN)))
    changing = Rules(write(METRICS_ANCHOR).also(roles=(ADMIN,)))
    routes.add("GET", path, courses.read, reading, summary="A course", **options)
    routes.add("PUT", path, courses.write, changing, summary="Make or change a course", **options)


class Courses:
    """Endpoints about courses.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def read(self, course_id: str, request: Request, project: ProjectQuery = None) -> dict[str, Any]:
        """Show a course: teachers see their own ones."""
        caller: Caller = request.state.caller
        engine = self._context.stores.state
        if caller.role == TEACHER:
            name = self._own_project(caller, course_id, project)
        else:
            name = project or _only(projects_of_course(engine, course_id))
        found = read_course(engine, name, course_id)
        if found is None:
            raise not_found("There is no such course.", "course_unknown")
        return _view(found)

    def write(self, course_id: str, body: CourseBody, request: Request, project: ProjectQuery = None) -> dict[str, Any]:
        """Make a course, or change what is given of one.

        An item that leaves the course keeps counting for the days on which it was asked for.
        """
        engine = self._context.stores.state
        name = _agreed(body.project, project) or _only(projects_of_course(engine, course_id))
        before = read_course(engine, name, course_id)
        if body.timezone is not None:
            _require_zone(body.timezone)
        written = write_course(
            engine,
            project=name,
            course_id=course_id,
            teachers=(before.teachers if before else ()) if body.teachers is None else body.teachers,
            items=(before.items if before else ()) if body.items is None else [_item(one) for one in body.items],
            time_zone=body.timezone or (before.time_zone if before else self._zone_of_new(name, course_id)),
            by=actor_of(request),
        )
        return _view(written)

    def _zone_of_new(self, project: str, course_id: str) -> str:
        engine = self._context.stores.state
        with reachable(engine), engine.connect() as connection:
            return learning_course(connection, project, course_id).zone.key

    def _own_project(self, caller: Caller, course_id: str, project: str | None) -> str:
        taught = courses_of_teacher(self._context.stores.state, caller.user_id or "")
        own = tuple(sorted(name for name, course in taught if course == course_id and project in (None, name)))
        if not own:
            raise Refusal(403, "course_not_yours", "You do not teach this course.")
        return _only(own)


def _only(projects: tuple[str, ...]) -> str:
    if len(projects) > 1:
        raise invalid("/project", "Several projects have such a course; name one.", "ambiguous_project", place="query")
    return projects[0] if projects else DEFAULT_PROJECT


def _agreed(in_body: str | None, in_query: str | None) -> str | None:
    if in_body is not None and in_query is not None and in_body != in_query:
        raise invalid("/project", "The body and the query name different projects.", "conflicting_input")
    return in_body or in_query


def _require_zone(name: str) -> None:
    try:
        zone_of(name)
    except InputError as error:
        raise invalid("/timezone", error.message, error.code) from None


def _item(body: ItemBody) -> CourseItem:
    return CourseItem(body.item_id, body.module_id or "", body.required)


def _view(course: Course) -> dict[str, Any]:
    updated = course.updated_at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "project": course.project,
        "course_id": course.course_id,
        "timezone": course.time_zone,
        "teachers": list(course.teachers),
        "items": [
            {"item_id": item.item_id, "module_id": item.module_id or None, "required": item.is_required}
            for item in course.items
        ],
        "updated_by": course.updated_by,
        "updated_at": updated,
    }
