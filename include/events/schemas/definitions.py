"""What somebody wants a project's events to look like, checked before it meets what is registered.

The same models are the body of the HTTP route and the file of the command line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from jiter import from_json
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from include.errors import InputError
from include.events.schemas.attributes import DEFAULT_MAX_LENGTH, Attribute, AttributeType
from include.events.schemas.names import event_name_of

MOST_EVENTS, MOST_ATTRIBUTES, MOST_VALUES = 100, 100, 200
LONGEST_ATTRIBUTE_CHARS, LONGEST_VALUE_CHARS, LONGEST_DISPLAY_CHARS = 64, 1024, 200
LARGEST_MAX_LENGTH = 32_768  # properties of an event have at most 32 KiB
ATTRIBUTE_NAME = re.compile(r"[\w.-]{1,64}")  # letters and digits of any script
UNREADABLE = frozenset({"Cc", "Cs"})  # control characters and halves of surrogate pairs


def is_readable(text: str) -> bool:
    """Tell whether a text holds no control character and no half of a surrogate pair.

    Args:
        text: any text.

    Returns:
        True when it can be stored and shown.
    """
    return not any(unicodedata.category(char) in UNREADABLE for char in text)


def _known_type(value: Any) -> Any:
    if not isinstance(value, str) or value not in list(AttributeType):
        known = ", ".join(kind.value for kind in AttributeType)
        raise PydanticCustomError("unknown_type", "The type of an attribute is one of: {known}.", {"known": known})
    return AttributeType(value)


def _attribute_name(value: Any) -> Any:
    if not isinstance(value, str) or not ATTRIBUTE_NAME.fullmatch(value):
        raise PydanticCustomError(
            "bad_name", "An attribute's name has 1 to 64 letters, digits, underscores, hyphens and points."
        )
    return value


def _enum_value(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > LONGEST_VALUE_CHARS or not is_readable(value):
        raise PydanticCustomError(
            "bad_value", "A value of an enum is a text of at most 1024 characters without control characters."
        )
    return value


def _display_name(value: Any) -> Any:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_DISPLAY_CHARS or not is_readable(text):
        raise PydanticCustomError(
            "bad_name", "An event's name is a text of at most 200 characters without control characters."
        )
    return text


class AttributeDefinition(BaseModel):
    """An attribute as it is to be registered."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: Annotated[
        str,
        BeforeValidator(_attribute_name),
        Field(min_length=1, max_length=LONGEST_ATTRIBUTE_CHARS, description="Letters, digits, _, - and points."),
    ]
    type: Annotated[AttributeType, BeforeValidator(_known_type)]
    required: StrictBool = Field(default=False, description="Events without it are refused.")
    values: list[Annotated[str, BeforeValidator(_enum_value), Field(max_length=LONGEST_VALUE_CHARS)]] | None = Field(
        default=None, min_length=1, max_length=MOST_VALUES, description="What an enum may be; for enums only."
    )
    max_length: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=LARGEST_MAX_LENGTH,
        description=f"Characters of a string, {DEFAULT_MAX_LENGTH} when not given; for strings only.",
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> AttributeDefinition:
        if (self.type is AttributeType.ENUM) != (self.values is not None):
            raise PydanticCustomError("bad_values", "An enum needs its values, and only an enum has them.")
        if self.values is not None and len(set(self.values)) < len(self.values):
            raise PydanticCustomError("bad_values", "An enum names each of its values once.")
        if self.max_length is not None and self.type is not AttributeType.STRING:
            raise PydanticCustomError("bad_max_length", "Only a string has a max_length.")
        return self

    def attribute(self) -> Attribute:
        """Give the attribute."""
        return Attribute(
            self.name, self.type, self.required, tuple(self.values or ()), self.max_length or DEFAULT_MAX_LENGTH
        )


class EventDefinition(BaseModel):
    """An event as it is to be registered."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: Annotated[str, BeforeValidator(_display_name), Field(max_length=LONGEST_DISPLAY_CHARS)]
    attrs: list[AttributeDefinition] = Field(default=[], max_length=MOST_ATTRIBUTES)


class EventDefinitions(BaseModel):
    """The events of one call; all of them are registered, or none."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "name": "number of product views",
                            "attrs": [
                                {"name": "product_name", "type": "string"},
                                {"name": "quantity", "type": "integer"},
                            ],
                        }
                    ]
                }
            ]
        },
    )
    events: list[EventDefinition] = Field(min_length=1, max_length=MOST_EVENTS)


@dataclass(frozen=True)
class WantedEvent:
    """An event that is well-formed in itself.

    Attributes:
        event_name: name in its one spelling.
        display_name: name as given, blanks in a row as one.
        attributes: in the order given, with distinct names.
        position: its place in the call, from 0.
    """

    event_name: str
    display_name: str
    attributes: tuple[Attribute, ...]
    position: int


def read_definitions(text: str | bytes) -> EventDefinitions:
    """Read the definitions of a file.

    Args:
        text: JSON: ``{"events": [...]}``, or the list alone.

    Returns:
        The definitions.

    Raises:
        InputError: not JSON, or a value that cannot be; the message says where.
    """
    try:
        body = text.encode() if isinstance(text, str) else text
        document = from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise InputError(f"The file is not JSON: {error}.", code="invalid_json") from None
    try:
        return EventDefinitions.model_validate({"events": document} if isinstance(document, list) else document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        pointer = "".join(f"/{step}" for step in fault["loc"])
        raise InputError(f"{pointer or 'The file'}: {fault['msg']}", code=fault["type"], pointer=pointer) from None


def wanted_events(definitions: Sequence[EventDefinition]) -> tuple[WantedEvent, ...]:
    """Check what no single field can tell: names in their one spelling, and doubles.

    Args:
        definitions: in the order given.

    Returns:
        The events.

    Raises:
        InputError: ``bad_name``, ``duplicate_attribute`` or ``duplicate_event``, with its pointer.
    """
    return tuple(_wanted(definition, position) for position, definition in enumerate(definitions))


def require_distinct(names: Sequence[str]) -> None:
    """Refuse two events of one call that are the same event.

    Args:
        names: names in their one spelling, aliases resolved, in the order given.

    Raises:
        InputError: ``duplicate_event``; points at the later one and names the earlier.
    """
    first_at: dict[str, int] = {}
    for position, name in enumerate(names):
        earlier = first_at.setdefault(name, position)
        if earlier != position:
            raise InputError(
                f"Events {earlier} and {position} of this call are both {name!r}; list each event once.",
                code="duplicate_event",
                pointer=f"/events/{position}/name",
            )


def _wanted(definition: EventDefinition, position: int) -> WantedEvent:
    try:
        event_name = event_name_of(definition.name)
    except InputError as error:
        raise InputError(error.message, code=error.code, pointer=f"/events/{position}/name") from None
    attributes = tuple(found.attribute() for found in definition.attrs)
    seen: set[str] = set()
    for index, attribute in enumerate(attributes):
        if attribute.name in seen:
            raise InputError(
                f"{event_name} lists the attribute {attribute.name!r} twice.",
                code="duplicate_attribute",
                pointer=f"/events/{position}/attrs/{index}/name",
            )
        seen.add(attribute.name)
    return WantedEvent(event_name, definition.name, attributes, position)
