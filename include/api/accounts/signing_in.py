"""Routes of signing in: register, login, refresh, logout, and the names mobile apps know them by."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from include.accounts.people import NewPerson, register
from include.accounts.roles import ANYONE, STUDENT
from include.accounts.signing_in import change_password, sign_in, start_session
from include.accounts.tokens import SignedIn, refresh, renew_access, sign_out
from include.api.accounts.shapes import (
    AuthView,
    LoginBody,
    PasswordBody,
    RefreshBody,
    RegisterBody,
    RenewedView,
    SignupBody,
    UserView,
    auth_view,
    secret,
    user_view,
)
from include.api.accounts.turns import PasswordTurns
from include.api.accounts.who import actor_of, address_of, session_of
from include.api.context import ApiContext
from include.api.gate.policies import ACCOUNTS_ANCHOR, PUBLIC, Rules, accounts_only, public_to_all
from include.api.gate.routing import Routes

NO_BODY = 204


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    signing = SigningIn(context)
    options: dict[str, Any] = {"tags": ["accounts"]}
    joining: dict[str, Any] = {
        "rules": Rules(public_to_all(ACCOUNTS_ANCHOR)),
        "errors": (403, 409),
        "response_model": AuthView,
    }
    routes.add(
        "POST", "/auth/register", signing.register, status_code=201, summary="Make an account", **joining, **options
    )
    routes.add("POST", "/auth/signup", signing.signup, summary="Make an account (mobile)", **joining, **options)
    entering: dict[str, Any] = {"rules": Rules(PUBLIC), "errors": (401, 429), "response_model": AuthView}
    routes.add("POST", "/auth/login", signing.login, summary="Sign in", **entering, **options)
    routes.add("POST", "/auth/signin", signing.login, summary="Sign in (mobile)", **entering, **options)
    routes.add(
        "POST",
        "/auth/refresh",
        signing.refresh,
        Rules(PUBLIC),
        errors=(401, 409),
        response_model=AuthView,
        summary="Exchange a refresh token for a new pair",
        **options,
    )
    _add_own(routes, signing, options)


def _add_own(routes: Routes, signing: SigningIn, options: dict[str, Any]) -> None:
    own = Rules(accounts_only(ANYONE))
    routes.add(
        "GET",
        "/auth/refresh",
        signing.renew,
        own,
        response_model=RenewedView,
        summary="A new access token of the same session (mobile)",
        **options,
    )
    routes.add("POST", "/auth/logout", signing.logout, own, status_code=NO_BODY, summary="End this session", **options)
    routes.add("GET", "/auth/me", signing.me, own, response_model=UserView, summary="Your account", **options)
    routes.add(
        "PUT",
        "/auth/me/password",
        signing.password,
        own,
        errors=(429,),
        status_code=NO_BODY,
        summary="Another password; all sessions end",
        **options,
    )


class SigningIn:
    """Endpoints of signing in.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context, self._turns = context, PasswordTurns()

    async def register(self, body: RegisterBody, request: Request) -> dict[str, Any]:
        """Make an account and sign it in.

        The role is student. Another one is given only when the request brings the token of an active admin, or
        of an Airflow user with the edit right on the DAG `housekeeping`.
        """
        return auth_view(await self._turns.take(self._join, body, request))

    async def signup(self, body: SignupBody, request: Request) -> dict[str, Any]:
        """Make an account and sign it in, as mobile apps ask for it."""
        return auth_view(await self._turns.take(self._join, body, request))

    async def login(self, body: LoginBody, request: Request) -> dict[str, Any]:
        """Sign in with email and password.

        An unknown email, a wrong password and a disabled account answer alike.
        """
        return auth_view(await self._turns.take(self._enter, body, request))

    def refresh(self, body: RefreshBody, request: Request) -> dict[str, Any]:
        """Exchange a refresh token for a new pair; it works once.

        A token that was used before ends the whole session, for then somebody else may have it too.
        """
        context = self._context
        found = refresh(
            context.stores.state,
            context.accounts,
            context.signing_key,
            secret(body.refresh_token),
            address=address_of(request),
        )
        return auth_view(found)

    def renew(self, request: Request) -> dict[str, str]:
        """Give another access token of the same session; it never outlives the session."""
        context = self._context
        renewed = renew_access(context.accounts, context.signing_key, session_of(request))
        return {"jwt_token": renewed.token.value}

    def logout(self, request: Request) -> Response:
        """End this session: its access and refresh tokens are dead at once."""
        sign_out(self._context.stores.state, session_of(request), address=address_of(request))
        return Response(status_code=NO_BODY)

    def me(self, request: Request) -> dict[str, Any]:
        """Show your account."""
        return user_view(session_of(request).account)

    async def password(self, body: PasswordBody, request: Request) -> Response:
        """Change your password; all sessions end, this one too."""
        await self._turns.take(self._change_password, body, request)
        return Response(status_code=NO_BODY)

    def _join(self, body: RegisterBody, request: Request) -> SignedIn:
        context = self._context
        person = NewPerson(body.email, secret(body.password), body.name, body.surname, body.phone, body.role or STUDENT)
        account = register(context.stores.state, context.accounts, person, by=actor_of(request))
        return start_session(context.stores.state, context.accounts, context.signing_key, account)

    def _enter(self, body: LoginBody, request: Request) -> SignedIn:
        context = self._context
        return sign_in(
            context.stores.state,
            context.accounts,
            context.signing_key,
            email=body.email,
            password=secret(body.password),
            address=address_of(request),
        )

    def _change_password(self, body: PasswordBody, request: Request) -> None:
        change_password(
            self._context.stores.state,
            session_of(request),
            old=secret(body.old),
            new=secret(body.new),
            address=address_of(request),
        )
