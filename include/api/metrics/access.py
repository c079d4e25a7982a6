"""Who may read and calculate the metrics of which courses."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import select

from include.accounts.roles import TEACHER
from include.accounts.texts import is_writable
from include.api.context import ApiContext
from include.api.gate.callers import Caller
from include.api.gate.problems import Refusal
from include.days import zone_of
from include.errors import InputError
from include.events.loading.tables import ensure_event_tables
from include.metrics.courses import LearningCourse, courses_as_cut, learning_course
from include.metrics.parts.building import ensure_user_days
from include.metrics.reading.asking import Stores
from include.metrics.reading.known import Courses, readable_courses, require_course
from include.metrics.reading.unnoted import unnoted_projects
from include.settings.learning import ASSIGNED
from include.state.engine import reachable
from include.state.tables import projects

USUAL_ZONE = ZoneInfo("UTC")


class CourseAccess:
    """Finds courses on behalf of callers.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._has_tables = False  # nothing may have been loaded or calculated yet

    def stores(self) -> Stores:
        """Both stores with the settings as they are now; their tables exist.

        Raises:
            StoreUnavailable: a store cannot be reached.
        """
        found = Stores.of(self._context.stores.warehouse, self._context.stores.state, self._context.settings)
        if not self._has_tables:
            ensure_event_tables(found.warehouse, self._context.settings.intake)
            ensure_user_days(found.warehouse)
            self._has_tables = True
        return found

    def readable(self, caller: Caller) -> Courses | None:
        """The courses whose metrics a caller may read.

        Args:
            caller: who asks; the gate has let them pass.

        Returns:
            Pairs of project and course id for teachers with courses of their own; None: all courses.
        """
        return self._limits(caller, self._context.settings.learning.teacher_scope)

    def to_read(self, caller: Caller, course_id: str, project: str | None) -> LearningCourse:
        """Find a course whose metrics a caller may read.

        Args:
            caller: who asks.
            course_id: id of the course.
            project: its project; None for the only one that has such a course.

        Returns:
            The course with the zone in which its days are cut; after a change of zone that of before, until a run.

        Raises:
            Refusal: a teacher asks for another's course, or for one that does not exist (``course_not_yours``).
            InputError: there is no such course (``course_unknown``), or several projects have it
                (``ambiguous_project``).
        """
        return self._found(self.readable(caller), course_id, project)

    def to_calculate(self, caller: Caller, course_id: str, project: str | None) -> LearningCourse:
        """Find a course whose metrics a caller may have calculated: teachers their own ones, whoever may read more.

        Args:
            caller: who asks.
            course_id: id of the course.
            project: its project; None for the only one that has such a course.

        Returns:
            The course with the zone it has now, in which the run will cut its days.

        Raises:
            Refusal: as for :meth:`to_read`.
            InputError: as for :meth:`to_read`.
        """
        found, engine = self._found(self._limits(caller, ASSIGNED), course_id, project), self._context.stores.state
        with reachable(engine), engine.connect() as connection:
            return learning_course(connection, found.project, found.course_id)

    def zone_of_project(self, project: str) -> ZoneInfo:
        """The zone of days that are named without a course.

        Args:
            project: any name.

        Returns:
            The zone of the project; UTC when there is no such project.
        """
        engine = self._context.stores.state
        if not is_writable(project):
            return USUAL_ZONE
        with reachable(engine), engine.connect() as connection:
            found = connection.execute(select(projects.c.time_zone).where(projects.c.project == project)).scalar()
        return zone_of(found) if found else USUAL_ZONE

    def _limits(self, caller: Caller, scope: str) -> Courses | None:
        if caller.role != TEACHER:
            return None
        return readable_courses(self._context.stores.state, caller.user_id or "", scope)

    def _found(self, limits: Courses | None, course_id: str, project: str | None) -> LearningCourse:
        if limits is None:
            return self.any_course(course_id, project)
        own = sorted(name for name, course in limits if course == course_id and project in (None, name))
        if not own:
            raise Refusal(403, "course_not_yours", "You do not teach this course.")
        return self._only(own, course_id)

    def any_course(self, course_id: str, project: str | None) -> LearningCourse:
        """Find a course for somebody who may see all.

        Args:
            course_id: id of the course.
            project: its project; None for the only one that has such a course.

        Returns:
            The course. One exists as soon as it is registered, or as soon as events of it have been loaded.

        Raises:
            InputError: there is no such course (``course_unknown``), or several projects have it
                (``ambiguous_project``).
        """
        try:
            return require_course(self._context.stores.state, course_id, project)
        except InputError as error:
            if error.code != "course_unknown":
                raise
            stores = self.stores()
            names = unnoted_projects(stores.warehouse, stores.events_table, course_id, project)
            if not names:
                raise
            return self._only(list(names), course_id)

    def _only(self, projects: list[str], course_id: str) -> LearningCourse:
        if len(projects) > 1:
            raise InputError(
                "Several projects have such a course; name one.", code="ambiguous_project", pointer="/project"
            )
        engine = self._context.stores.state
        with reachable(engine), engine.connect() as connection:
            return courses_as_cut(connection, [(projects[0], course_id)])[0]
