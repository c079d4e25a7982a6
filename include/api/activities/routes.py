"""``GET /api/activities`` and one activity by its id."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from include.accounts.roles import ADMIN
from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.problems import Refusal, invalid, not_found
from include.api.gate.routing import Routes
from include.errors import InputError
from include.events.activities.activity import Activity
from include.events.activities.reading import Wanted, find_activity, list_activities, list_session
from include.events.apps.rules import ProjectRules, RulesCache
from include.events.envelope.ids import event_id_of
from include.events.loading.tables import ensure_event_tables
from include.events.schemas.names import event_name_of
from include.events.statistics.periods import parse_period
from include.state.tables.events import DEFAULT_PROJECT

DEFAULT_LIMIT, MAX_LIMIT, LARGEST_SKIP = 100, 10_000, 2**31
LONGEST_TEXT_CHARS = 4096
PATH = "/api/activities"
_EXAMPLE: dict[str, Any] = {
    "id": "1f0a6c1e-5f0b-4f5e-9f58-2a3b1c4d5e6f",
    "customer_id": 3,
    "session_id": "s-1",
    "timestamp": "2025-07-01T09:00:00.250Z",
    "action_type": "view_product",
    "details": {"product_id": 4},
    "ip_address": "203.0.113.7",
    "user_agent": "Mozilla/5.0",
}

ProjectQuery = Annotated[str, Query(max_length=LONGEST_TEXT_CHARS, description="Project of the shop.")]
SkipQuery = Annotated[int, Query(ge=0, le=LARGEST_SKIP, description="Activities before the page.")]
LimitQuery = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Activities of the page.")]
TextQuery = Annotated[str | None, Query(max_length=LONGEST_TEXT_CHARS)]
TimeQuery = Annotated[
    str | None, Query(max_length=LONGEST_TEXT_CHARS, description="An instant, or a day of the project's zone.")
]


class ActivityView(BaseModel):
    """An activity."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    id: str
    customer_id: int | str | None
    session_id: str | None
    timestamp: str
    action_type: str
    details: dict[str, Any]
    ip_address: str | None
    user_agent: str | None


_STEP = {key: _EXAMPLE[key] for key in ("id", "timestamp", "action_type", "details", "session_id")}


class SessionStep(BaseModel):
    """One activity of a session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_STEP, "is_current_anomaly": True}]})
    id: str
    timestamp: str
    action_type: str
    details: dict[str, Any]
    session_id: str
    is_current_anomaly: bool = Field(description="The activity that was asked about.")


class ActivityPage(BaseModel):
    """A page of activities, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"totalCount": 1, "data": [_EXAMPLE]}]})
    total_count: int = Field(alias="totalCount")
    data: list[ActivityView]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    activities, rules = Activities(context), Rules(READ.also(roles={ADMIN}))
    options: dict[str, Any] = {"tags": ["activities"]}
    routes.add(
        "GET", PATH, activities.page, rules, errors=(404,), response_model=ActivityPage,
        summary="Activities that have been loaded, newest first", **options,
    )  # fmt: skip
    routes.add(
        "GET", f"{PATH}/{{activity_id}}", activities.show, rules, errors=(404,), response_model=ActivityView,
        summary="One activity, also before it is loaded", **options,
    )  # fmt: skip

    routes.add(
        "GET", f"{PATH}/{{activity_id}}/context/session_history", activities.session, rules, errors=(400, 404),
        response_model=list[SessionStep], summary="What happened in the session of an activity", **options,
    )  # fmt: skip


class Activities:
    """Endpoints of activities.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._rules = RulesCache()
        self._has_tables = False  # nothing may have been loaded yet

    def page(
        self,
        project: ProjectQuery = DEFAULT_PROJECT,
        skip: SkipQuery = 0,
        limit: LimitQuery = DEFAULT_LIMIT,
        start_time: TimeQuery = None,
        end_time: TimeQuery = None,
        customer_id: TextQuery = None,
        session_id: TextQuery = None,
        action_type: TextQuery = None,
    ) -> dict[str, Any]:
        """List activities; start_time is included, end_time is not."""
        rules = self._require_project(project)
        try:
            start_at, end_at = parse_period(start_time, end_time, rules.time_zone, names=("start_time", "end_time"))
            event_name = None if action_type is None else event_name_of(action_type)
        except InputError as error:
            pointer = "/action_type" if error.pointer == "/event_name" else error.pointer
            raise invalid(pointer, error.message, error.code, place="query") from None
        name = rules.aliases.get(event_name, event_name) if event_name else None
        wanted = Wanted(rules.project, start_at, end_at, customer_id, session_id, name)
        found, total = list_activities(self._context.stores.warehouse, self._table(), wanted, limit=limit, skip=skip)
        return {"totalCount": total, "data": [activity_view(one) for one in found]}

    def show(self, activity_id: str, project: ProjectQuery = DEFAULT_PROJECT) -> dict[str, Any]:
        """Show one activity."""
        return activity_view(self._require_activity(self._require_project(project), activity_id))

    def session(self, activity_id: str, project: ProjectQuery = DEFAULT_PROJECT) -> list[dict[str, Any]]:
        """Show what has been loaded of the activity's session, and the activity itself, the earliest first."""
        rules = self._require_project(project)
        asked = self._require_activity(rules, activity_id)
        if asked.session_id is None:
            raise Refusal(400, "no_session", "This activity belongs to no session.")
        found = list_session(
            self._context.stores.warehouse, self._table(),
            project=rules.project, session_id=asked.session_id, limit=MAX_LIMIT,
        )  # fmt: skip
        steps = {one.activity_id: one for one in (*found, asked)}  # the activity itself may still wait in the inbox
        ordered = sorted(steps.values(), key=lambda one: (one.happened_at, one.activity_id))
        return [
            {**{key: value for key, value in activity_view(one).items() if key in SessionStep.model_fields},
             "is_current_anomaly": one.activity_id == asked.activity_id}
            for one in ordered
        ]  # fmt: skip

    def _require_activity(self, rules: ProjectRules, activity_id: str) -> Activity:
        try:
            event_id = event_id_of(activity_id, rules.project, "")
        except InputError:
            raise _activity_unknown() from None
        stores = self._context.stores
        found = find_activity(
            stores.warehouse, stores.state, self._table(), project=rules.project, activity_id=event_id
        )
        if found is None:
            raise _activity_unknown()
        return found

    def _require_project(self, project: str) -> ProjectRules:
        rules = self._rules.get(self._context.stores.state, project)
        if rules is None:
            raise not_found("There is no such project.", "project_unknown")
        return rules

    def _table(self) -> str:
        intake = self._context.settings.intake
        if not self._has_tables:
            ensure_event_tables(self._context.stores.warehouse, intake)
            self._has_tables = True
        return intake.events_table


def activity_view(activity: Activity) -> dict[str, Any]:
    """Write an activity as the seed document has it.

    Args:
        activity: the activity.

    Returns:
        Its JSON.
    """
    moment = activity.happened_at.astimezone(dt.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return {
        "id": activity.activity_id,
        "customer_id": activity.customer_id,
        "session_id": activity.session_id,
        "timestamp": f"{moment}Z",
        "action_type": activity.action_type,
        "details": dict(activity.details),
        "ip_address": activity.ip_address,
        "user_agent": activity.user_agent,
    }


def _activity_unknown() -> Refusal:
    return not_found("There is no such activity.", "activity_unknown")
