"""Bodies and answers of the routes of apps."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from include.accounts.scopes import SCOPES
from include.api.tasks.shapes import Body, TextField
from include.events.apps.rules import MODES
from include.events.apps.settings import LONGEST_AGE_DAYS, LONGEST_APP_NAME_CHARS, MOST_ALIASES
from include.events.schemas.judges import is_datetime

FIRST_YEAR, LAST_YEAR = 1970, 2100
LONGEST_OVERLAP_SECONDS = 30 * 86_400
LONGEST_LABEL_CHARS = 100
_CODE = "electronic-shop-1b4e28ba-2fa1-41d2-883f-0016d3cca427"
_EVENT_CODE = "number_of_product_views-6fa459ea-ee8a-4ca4-894e-db77e160355e"
_TOKEN, _MASKED = "cfk_1a2b3c4d_" + "x" * 32, "cfk_1a2b3c4d_********"
_CREATED = "2025-07-01T12:00:00.000Z"

_APP: dict[str, Any] = {
    "app_code": _CODE,
    "app_name": "electronic-shop",
    "owner": "account:0b3c9b0e-54a5-4a53-9a0e-2f7a4f7a3f11",
    "mode": "lenient",
    "timezone": "Europe/Moscow",
    "max_age_days": 90,
    "aliases": {"view_page": "page_view"},
    "schema_revision": 3,
    "created_at": _CREATED,
}
_KEY: dict[str, Any] = {
    "key_id": "9b2f4d0c-8f0e-4a55-9d43-1f3f5c1f9e77",
    "prefix": "cfk_1a2b3c4d",
    "scopes": ["ingest"],
    "label": "android 2.1",
    "created_by": _APP["owner"],
    "created_at": _CREATED,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}
_ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "product_name", "type": "string", "required": False, "max_length": 1024},
    {"name": "quantity", "type": "integer", "required": False},
]
_VERSION: dict[str, Any] = {
    "version": 1,
    "attributes": _ATTRIBUTES,
    "created_by": _APP["owner"],
    "created_at": _CREATED,
    "json_schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
}
_EVENT: dict[str, Any] = {
    "name": "number of product views",
    "event_name": "number_of_product_views",
    "event_code": _EVENT_CODE,
    "version": 1,
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


def _page(item: dict[str, Any], **more: Any) -> ConfigDict:
    return _example({**more, "items": [item], "total": 1, "limit": 100, "offset": 0, "has_more": False})


def _instant(value: Any) -> Any:
    if value is None:
        return None
    is_known = isinstance(value, str) and is_datetime(value) and FIRST_YEAR <= int(value[:4]) <= LAST_YEAR
    if not is_known:
        raise PydanticCustomError("bad_time", "Give a time with its offset, such as 2025-07-01T12:00:00+03:00.")
    return dt.datetime.fromisoformat(value.upper())


Instant = Annotated[dt.datetime | None, BeforeValidator(_instant)]
ModeField = Annotated[str, Field(strict=True, max_length=20, json_schema_extra={"enum": list(MODES)})]
ZoneField = Annotated[str, Field(strict=True, min_length=1, max_length=64, description="IANA name.")]


class AppBody(Body):
    """An app to create."""

    model_config = _example({"app_name": "electronic-shop", "timezone": "Europe/Moscow", "mode": "lenient"})
    app_name: TextField = Field(
        description=f"1 to {LONGEST_APP_NAME_CHARS} characters; case and blanks at the ends tell no apps apart."
    )
    timezone: ZoneField = "UTC"
    mode: ModeField = MODES[0]


class AppChangesBody(Body):
    """What of an app is to be another; what is not named stays."""

    model_config = _example({"mode": "strict", "max_age_days": 30, "aliases": {"view page": "page view"}})
    mode: ModeField | None = None
    timezone: ZoneField | None = None
    max_age_days: int | None = Field(
        default=None, strict=True, ge=1, le=LONGEST_AGE_DAYS, description="Older events need the scope backfill."
    )
    aliases: dict[TextField, TextField] | None = Field(
        default=None, max_length=MOST_ALIASES, description="Names that stand for another event; all of them anew."
    )


class KeyBody(Body):
    """A key to make."""

    model_config = _example({"scopes": ["stats:read"], "label": "dashboard", "expires_at": "2027-01-01T00:00:00Z"})
    scopes: list[Annotated[str, Field(strict=True, max_length=40, json_schema_extra={"enum": list(SCOPES)})]] = Field(
        min_length=1, max_length=len(SCOPES)
    )
    label: str = Field(default="", strict=True, max_length=LONGEST_LABEL_CHARS)
    expires_at: Instant = Field(default=None, description="From when it is refused; never when not given.")


class RotationBody(Body):
    """How a key is replaced."""

    model_config = _example({"overlap_seconds": 86400})
    expires_at: Instant = Field(default=None, description="From when the new key is refused.")
    overlap_seconds: int = Field(
        default=0, strict=True, ge=0, le=LONGEST_OVERLAP_SECONDS, description="How long the old key is still taken."
    )


class AppCreated(BaseModel):
    """An app with its first key, which is shown here and never again."""

    model_config = _example({"api_token": _TOKEN, "app_code": _CODE})
    api_token: str
    app_code: str


class AppRow(BaseModel):
    """An app in a list."""

    model_config = _example(_APP)
    app_code: str
    app_name: str
    owner: str
    mode: str
    timezone: str
    max_age_days: int
    aliases: dict[str, str]
    schema_revision: int
    created_at: str


class AppView(AppRow):
    """An app."""

    model_config = _example({"api_token": _MASKED, **_APP})
    api_token: str | None = Field(description="Oldest active key that may send events, masked.")


class AppPage(BaseModel):
    """A page of apps."""

    model_config = _page(_APP)
    items: list[AppRow]
    total: int
    limit: int
    offset: int
    has_more: bool


class RegisteredView(BaseModel):
    """What became of one event of a call."""

    model_config = _example({**_EVENT, "created": True})
    name: str
    event_name: str
    event_code: str
    version: int
    created: bool = Field(description="The app did not know the event before.")


class RegistrationView(BaseModel):
    """What became of a call."""

    model_config = _example({"event_code": _EVENT_CODE, "app_code": _CODE, "events": [{**_EVENT, "created": True}]})
    event_code: str = Field(description="Code of the first event.")
    app_code: str
    events: list[RegisteredView]


class VersionView(BaseModel):
    """One version of an event's schema."""

    model_config = _example(_VERSION)
    version: int
    attributes: list[dict[str, Any]]
    created_by: str
    created_at: str
    json_schema: dict[str, Any] = Field(description="Of the event's properties, JSON Schema 2020-12.")


class EventView(BaseModel):
    """A registered event with all its versions, the newest first."""

    model_config = _example({**_EVENT, "versions": [_VERSION]})
    name: str
    event_name: str
    event_code: str
    version: int
    versions: list[VersionView]


class SchemaPage(BaseModel):
    """A page of registered events."""

    model_config = _page({**_EVENT, "versions": [_VERSION]}, app_code=_CODE, mode="lenient", schema_revision=3)
    app_code: str
    mode: str
    schema_revision: int
    items: list[EventView]
    total: int
    limit: int
    offset: int
    has_more: bool


class KeyView(BaseModel):
    """A key without its secret."""

    model_config = _example(_KEY)
    key_id: str
    prefix: str
    scopes: list[str]
    label: str
    created_by: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class KeyCreated(KeyView):
    """A key with its secret, which is shown here and never again."""

    model_config = _example({"api_token": _TOKEN, "app_code": _CODE, **_KEY})
    api_token: str
    app_code: str


class KeyPage(BaseModel):
    """A page of keys, the oldest first."""

    model_config = _page(_KEY)
    items: list[KeyView]
    total: int
    limit: int
    offset: int
    has_more: bool
