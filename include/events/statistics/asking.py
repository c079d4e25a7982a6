"""From what a caller wrote to a complete question: defaults from the schema, refusals with a pointer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.errors import InputError
from include.events.apps.rules import ProjectRules
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema
from include.events.statistics.conditions import MAX_FILTERS, parse_condition
from include.events.statistics.periods import parse_period
from include.events.statistics.question import (
    DEFAULT_LIMIT,
    DEFAULT_TOP,
    IDENTITIES,
    MAX_LIMIT,
    MAX_TOP,
    USER_CODE,
    Aggregate,
    Question,
)

TEXTS = frozenset((AttributeType.STRING, AttributeType.ENUM))
NUMBERS = frozenset((AttributeType.INTEGER, AttributeType.NUMBER))
LARGEST_OFFSET = 2**31


@dataclass(frozen=True)
class Asked:
    """The parameters as they were written; None where one was left out.

    Attributes:
        group_by: attribute whose values become columns; empty for one column.
        value: attribute that is aggregated.
        agg: sum, count, avg, min, max or uniq.
        start: first instant of the period.
        end: first instant after it.
        filters: each ``attribute:comparison:value``.
        top_k: most columns.
        user_code: only this person.
        identity: which identity names the people.
        limit: people of a page.
        offset: people before it.
    """

    group_by: str | None = None
    value: str | None = None
    agg: str | None = None
    start: str | None = None
    end: str | None = None
    filters: tuple[str, ...] = ()
    top_k: int = DEFAULT_TOP
    user_code: str | None = None
    identity: str = USER_CODE
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def ask(rules: ProjectRules, schema: EventSchema, asked: Asked) -> Question:
    """Complete a question and hold it against the schema of its event.

    Args:
        rules: of the project.
        schema: newest version of the event.
        asked: the parameters.

    Returns:
        The question.

    Raises:
        InputError: a parameter cannot be used; its pointer names it.
    """
    _check_texts(asked)
    if len(asked.filters) > MAX_FILTERS:
        raise InputError(f"Give at most {MAX_FILTERS} filters.", code="bad_filter", pointer="/filter")
    attributes = {attribute.name: attribute for attribute in schema.attributes}
    value = _value(schema.attributes, asked)
    start_at, end_at = parse_period(asked.start, asked.end, rules.time_zone)
    return Question(
        project=rules.project,
        event_name=schema.event_name,
        group=_group(schema.attributes, asked.group_by),
        value=value,
        aggregate=_aggregate(asked, value),
        identity=_one_of(asked.identity, IDENTITIES, "identity"),
        start_at=start_at,
        end_at=end_at,
        conditions=tuple(
            parse_condition(text, attributes, pointer=f"/filter/{place}") for place, text in enumerate(asked.filters)
        ),
        user=asked.user_code,
        top_count=_within(asked.top_k, 1, MAX_TOP, "top_k"),
        limit=_within(asked.limit, 1, MAX_LIMIT, "limit"),
        offset=_within(asked.offset, 0, LARGEST_OFFSET, "offset"),
    )


def _group(attributes: tuple[Attribute, ...], name: str | None) -> Attribute | None:
    if name is None:
        return _first(attributes, TEXTS)
    return _named(attributes, name, "group_by") if name else None


def _value(attributes: tuple[Attribute, ...], asked: Asked) -> Attribute | None:
    """What is aggregated; events are counted as such unless a value is named."""
    if asked.value is not None:
        return _named(attributes, asked.value, "value")
    return None if asked.agg == Aggregate.COUNT else _first(attributes, NUMBERS)


def _aggregate(asked: Asked, value: Attribute | None) -> Aggregate:
    if asked.agg is None:
        return Aggregate.SUM if value is not None and value.type in NUMBERS else Aggregate.COUNT
    aggregate = Aggregate(_one_of(asked.agg, Aggregate, "agg"))
    if aggregate is Aggregate.COUNT:
        return aggregate
    if value is None:
        raise InputError(
            f"This event has no integer or number attribute to take {aggregate} of; name a value, or use count.",
            code="no_value",
            pointer="/agg",
        )
    if aggregate is not Aggregate.UNIQ and value.type not in NUMBERS:
        raise InputError(
            f"{aggregate} needs an integer or number attribute, and this one is {value.type}; use count or uniq.",
            code="attr_type_mismatch",
            pointer="/value" if asked.value is not None else "/agg",
        )
    return aggregate


def _first(attributes: tuple[Attribute, ...], kinds: frozenset[AttributeType]) -> Attribute | None:
    return next((attribute for attribute in attributes if attribute.type in kinds), None)


def _named(attributes: tuple[Attribute, ...], name: str, parameter: str) -> Attribute:
    found = next((attribute for attribute in attributes if attribute.name == name), None)
    if found is None:
        raise InputError("This is no attribute of the event.", code="unknown_attr", pointer=f"/{parameter}")
    return found


def _one_of(word: str, known: Iterable[str], parameter: str) -> str:
    listed = list(known)
    if word not in listed:
        raise InputError(f"Use one of {', '.join(listed)}.", code="bad_value", pointer=f"/{parameter}")
    return word


def _within(number: int, low: int, high: int, parameter: str) -> int:
    if not low <= number <= high:
        raise InputError(f"Use a whole number from {low} to {high}.", code="out_of_range", pointer=f"/{parameter}")
    return number


def _check_texts(asked: Asked) -> None:
    """ClickHouse is asked in UTF-8, which has no halves of characters."""
    texts = {"group_by": asked.group_by, "value": asked.value, "user_code": asked.user_code}
    texts |= {f"filter/{place}": text for place, text in enumerate(asked.filters)}
    for parameter, text in texts.items():
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise InputError("This is no valid text.", code="bad_string", pointer=f"/{parameter}") from None
