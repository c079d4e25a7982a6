"""Bodies and answers of the account routes."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictStr

from include.accounts.people import Account
from include.accounts.tokens import SignedIn
from include.secret import Secret

_USER: dict[str, Any] = {
    "id": "5f0c9b6e-2f6f-4d0e-9b7a-0d7c1f2a3b4c",
    "email": "john@email.com",
    "name": "theUser",
    "surname": "James",
    "phone": None,
    "role": "student",
    "is_active": True,
    "created_at": "2025-07-01T12:00:00.000Z",
}
_ACCESS = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJjb3VudGVyZmxvdyJ9.c2lnbmF0dXJl"

PasswordField = Annotated[
    SecretStr, Field(strict=True, description="8 to 128 characters.", json_schema_extra={"writeOnly": True})
]
RoleField = Annotated[StrictStr, Field(description="student, teacher or admin.")]


def _examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra={"examples": list(examples)})


class RegisterBody(BaseModel):
    """Somebody who wants an account."""

    model_config = _examples({"email": "john@email.com", "password": "a long phrase", "name": "theUser"})
    email: StrictStr = Field(description="At most 254 characters; upper and lower case are the same.")
    password: PasswordField
    name: StrictStr = ""
    surname: StrictStr = ""
    phone: StrictStr | None = None
    role: RoleField | None = Field(default=None, description="Anything but student needs the token of an admin.")


class SignupBody(RegisterBody):
    """Somebody who wants an account, as mobile apps ask."""

    model_config = _examples(
        {
            "name": "theUser",
            "surname": "James",
            "email": "john@email.com",
            "password": "a long phrase",
            "phone": "12345",
        }
    )
    name: StrictStr
    surname: StrictStr


class LoginBody(BaseModel):
    """Somebody who has an account."""

    model_config = _examples({"email": "john@email.com", "password": "a long phrase"})
    email: StrictStr
    password: PasswordField


class RefreshBody(BaseModel):
    """A refresh token that was not used yet."""

    model_config = _examples({"refresh_token": "q0w8mZ2l5T1pYc7VhK3nXb9sRfJdGu4eAoI6kLtE-_M"})
    refresh_token: SecretStr = Field(strict=True, json_schema_extra={"writeOnly": True})


class PasswordBody(BaseModel):
    """A password and the one that takes its place."""

    model_config = _examples({"old": "a long phrase", "new": "another long phrase"})
    old: PasswordField
    new: PasswordField


class RoleBody(BaseModel):
    """The role an account gets."""

    model_config = _examples({"role": "teacher"})
    role: RoleField


class ActiveBody(BaseModel):
    """Whether an account may sign in."""

    model_config = _examples({"is_active": False})
    is_active: StrictBool


class UserView(BaseModel):
    """An account as others see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER]})
    id: str
    email: str
    name: str
    surname: str
    phone: str | None
    role: str
    is_active: bool
    created_at: str


class AuthView(BaseModel):
    """What somebody gets who signs in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": _ACCESS,
                    "refresh_token": "q0w8mZ2l5T1pYc7VhK3nXb9sRfJdGu4eAoI6kLtE-_M",
                    "token_type": "bearer",
                    "expires_in": 1800,
                    "jwt_token": _ACCESS,
                    "user": _USER,
                }
            ]
        }
    )
    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    jwt_token: str = Field(description="The access token once more.")
    user: UserView


class RenewedView(BaseModel):
    """A new access token of the same session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jwt_token": _ACCESS}]})
    jwt_token: str


class UserPage(BaseModel):
    """A page of accounts, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_USER], "total": 1, "limit": 100, "offset": 0, "has_more": False}]}
    )
    items: list[UserView]
    total: int
    limit: int
    offset: int
    has_more: bool


def user_view(account: Account) -> dict[str, Any]:
    """Show an account.

    Args:
        account: the account.

    Returns:
        The fields of :class:`UserView`.
    """
    created = account.created_at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": account.user_id,
        "email": account.email,
        "name": account.name,
        "surname": account.surname,
        "phone": account.phone,
        "role": account.role,
        "is_active": account.is_active,
        "created_at": created,
    }


def auth_view(signed_in: SignedIn) -> dict[str, Any]:
    """Show the tokens of a sign-in, once.

    Args:
        signed_in: the account and its tokens.

    Returns:
        The fields of :class:`AuthView`.
    """
    access = signed_in.access.token.value
    return {
        "access_token": access,
        "refresh_token": signed_in.refresh_token.value,
        "token_type": "bearer",
        "expires_in": signed_in.access.expires_in,
        "jwt_token": access,
        "user": user_view(signed_in.account),
    }


def secret(text: SecretStr) -> Secret:
    """Take a secret out of a body.

    Args:
        text: as the body holds it.

    Returns:
        The secret.
    """
    return Secret(text.get_secret_value())
