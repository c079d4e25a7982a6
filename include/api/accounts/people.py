"""Routes of those who look after accounts: who there is, roles, switching off."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from include.accounts.people import change_role, list_accounts, set_active
from include.accounts.roles import ADMIN
from include.api.accounts.shapes import ActiveBody, RoleBody, UserPage, UserView, user_view
from include.api.accounts.who import actor_of
from include.api.context import ApiContext
from include.api.gate.paging import LimitQuery, OffsetQuery, page_of
from include.api.gate.policies import ACCOUNTS_ANCHOR, READ, Rules, write
from include.api.gate.routing import Routes


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    people = People(context)
    changing = Rules(write(ACCOUNTS_ANCHOR).also(roles=(ADMIN,)))
    options: dict[str, Any] = {"tags": ["accounts"]}
    routes.add(
        "GET",
        "/auth/users",
        people.users,
        Rules(READ.also(roles=(ADMIN,))),
        response_model=UserPage,
        summary="Accounts, oldest first",
        **options,
    )
    routes.add(
        "PUT",
        "/auth/users/{user_id}/role",
        people.role,
        changing,
        errors=(404, 409),
        response_model=UserView,
        summary="Give an account another role",
        **options,
    )
    routes.add(
        "PUT",
        "/auth/users/{user_id}/active",
        people.active,
        changing,
        errors=(404, 409),
        response_model=UserView,
        summary="Switch an account off or on",
        **options,
    )


class People:
    """Endpoints about accounts of others.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def users(
        self,
        email: Annotated[str, Query(max_length=254, description="Part of the address, in any case.")] = "",
        role: Annotated[str | None, Query(description="student, teacher or admin.")] = None,
        limit: LimitQuery = 100,
        offset: OffsetQuery = 0,
    ) -> dict[str, Any]:
        """List accounts, oldest first."""
        found = list_accounts(self._context.stores.state, email=email, role=role, limit=limit, offset=offset)
        return page_of([user_view(one) for one in found.items], found.total, limit, offset)

    def role(self, user_id: str, body: RoleBody, request: Request) -> dict[str, Any]:
        """Give an account another role; its access tokens are dead from now on.

        The last active admin stays one.
        """
        return user_view(change_role(self._context.stores.state, user_id, body.role, by=actor_of(request)))

    def active(self, user_id: str, body: ActiveBody, request: Request) -> dict[str, Any]:
        """Switch an account off, which ends all its sessions, or on again."""
        return user_view(set_active(self._context.stores.state, user_id, body.is_active, by=actor_of(request)))
